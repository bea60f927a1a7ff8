"""Runs the vectors, and a server if its URL is given: python3 check.py vectors.json [umicp://host:port]

A server that asks who calls is shown the key in SYNAP_KEY.
"""

import hashlib
import json
import os
import sys

import umicp


def vectors(path):
    with open(path, encoding="utf-8") as file:
        v = json.load(file)
    for c in v["crc32c"]:
        assert f"{umicp.crc32c(bytes.fromhex(c['hex'])):08x}" == c["crc"], c
    accepted = 0
    for a in v["accept"]:
        raw = bytes.fromhex(a["hex"])
        if any(word in a["name"] for word in ("zstd", "lz4")):
            continue  # right frames, with codecs that this client does not have
        f, rest = umicp.decode(raw)
        assert not rest and (f.op, f.kind, f.flags, f.stream, f.sequence) == (a["op"], a["kind"], a["flags"], a["stream_id"], a["sequence"]), a["name"]
        assert f"{f.request:016x}" == a["request_id"] and f.deadline_ms == a.get("deadline_ms", 0), a["name"]
        if f.kind > umicp.FRAGMENT:
            continue
        assert f.meta.hex() == a.get("meta_hex", ""), a["name"]
        assert [(t.dtype, list(t.dims), t.name_idx, t.data.hex()) for t in f.tensors] == \
            [(t["dtype"], t["dims"], t["name_idx"], t["hex"]) for t in a.get("tensors", [])], a["name"]
        if a["canonical"]:
            assert f.encode() == raw, a["name"]
        accepted += 1
    for r in v["reject"]:
        try:
            umicp.decode(bytes.fromhex(r["hex"]))
        except umicp.ProtocolError:
            continue
        raise AssertionError(f"accepted: {r['name']}")
    for s in v["accept_sessions"]:
        inbound, messages = umicp.Inbound(s["receiver_accepted_the_connection"]), []
        for after, text in enumerate(s["frames"], 1):
            f, _ = umicp.decode(bytes.fromhex(text))
            if f.kind > umicp.FRAGMENT or umicp.PING <= f.kind <= umicp.GOAWAY:
                continue
            m = inbound.accept(f)
            if m is not None:
                messages.append({"after": after, "kind": m.kind, "flags": m.flags, "stream_id": m.stream, "request_id": f"{m.request:016x}",
                                 "meta_hex": m.meta.hex(), "body_sha256": hashlib.sha256(m.body).hexdigest()})
        assert messages == s["messages"], (s["name"], messages)
    for s in v["reject_sessions"]:
        inbound = umicp.Inbound(s["receiver_accepted_the_connection"])
        for i, text in enumerate(s["frames"]):
            f, _ = umicp.decode(bytes.fromhex(text))
            try:
                inbound.accept(f)
            except umicp.ProtocolError:
                assert i == len(s["frames"]) - 1, s["name"]
                break
        else:
            raise AssertionError(f"accepted: {s['name']}")
    print(f"vectors: {accepted} frames accepted, {len(v['reject'])} frames and "
          f"{len(v['reject_sessions'])} sessions rejected")


def server(url):
    key = os.environ.get("SYNAP_KEY")
    with umicp.Client(url, key) as c:
        written = c.call("kv.set", {"key": "python", "value": {"a": [1, 2.5, None], "ü": True}})
        got = c.call(0x0101, {"key": "python"})
        assert got["value"] == {"a": [1, 2.5, None], "ü": True} and got["version"] == written["version"], got
        assert c.call("kv.set", {"key": "bytes", "value": b"\x00\xff"})["created"]
        assert c.call("kv.get", {"key": "bytes"})["value"] == b"\x00\xff"
        large = "x" * (1200 << 10)
        c.call("kv.set", {"key": "large", "value": large})
        assert c.call("kv.get", {"key": "large"})["value"] == large
        many = c.calls([("kv.increment", {"key": "n"}, None, {}) for _ in range(100)])
        assert [m["value"] for m in many] == list(range(1, 101)), many
        try:
            c.call("kv.get", {"kei": "a"})
            raise AssertionError("a field that is not there")
        except umicp.CallError as e:
            assert e.code == 12 and e.details["nearest"] == "key", (e, e.details)
        first = c.call("kv.increment", {"key": "once"}, idempotency_key="k")
        assert c.call("kv.increment", {"key": "once"}, idempotency_key="k")["version"] == first["version"]
        seen = []
        with umicp.Client(url, key) as writer:
            for position, event in c.watch("kv.watch", {"keys": ["watched"]}):
                if event is None and not seen:
                    for i in range(5):
                        writer.call("kv.set", {"key": "watched", "value": str(i)})
                elif event is not None:
                    seen.append((position, event["value"]))
                if len(seen) == 5:
                    break
        assert [v for _, v in seen] == list("01234") and all(p for p, _ in seen), seen
        assert c.call("kv.get", {"key": "watched"})["value"] == "4"
        mixed(c)
        for wrong, error in (({"key": "a", "value": {1, 2}}, TypeError), ({"key": "a", "value": 1 << 70}, OverflowError)):
            try:
                c.call("kv.set", wrong)
                raise AssertionError(wrong)
            except error:
                pass
        assert c.call("kv.get", {"key": "watched"})["value"] == "4"
        vectors_there(c)
    print("server: calls, pipelines, large values, errors and a watch")


def mixed(c):
    """Calls in the middle of watches, on the same connection; watches that are left, until the connection would have no credit any more."""
    seen = []
    for _, event in c.watch("kv.watch", {"keys": ["mixed"]}):
        if event is None and not seen:
            c.calls([("kv.set", {"key": "mixed", "value": i}, None, {}) for i in range(5)])
            c.call("kv.get", {"key": "mixed"})
        elif event is not None:
            seen.append(event["value"])
        if len(seen) == 5:
            break
    assert seen == list(range(5)), seen
    text = "x" * (400 << 10)
    start = c.call("kv.set", {"key": "mixed", "value": ""})["version"]
    for _ in range(3):
        c.call("kv.set", {"key": "mixed", "value": text})
    for _ in range(18):
        for _, event in c.watch("kv.watch", {"keys": ["mixed"], "from": start}):
            assert event["value"] == text
            break
    product = c.call("matrix.multiply", {"a": [[1, 2]], "b": [[3], [4]]}, as_tensors=True)["result"]
    assert product.dims == (1, 1) and product.numbers() == [11], product


def vectors_there(c):
    """Numbers as tensors, where the server has collections."""
    try:
        c.call("vector.collection.create", {"collection": "py", "dimension": 3})
    except umicp.CallError as e:
        assert e.code == 16, e
        return
    rows = umicp.Tensor.floats([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    c.call("vector.upsert", {"collection": "py", "ids": [7, 9]}, tensors={"rows": rows})
    hits = c.call("vector.search", {"collection": "py", "limit": 1}, tensors={"vector": umicp.Tensor.floats([0.1, 0.9, 0.0])})["hits"]
    assert hits[0]["id"] == 9, hits
    print("server: vectors as tensors")


if __name__ == "__main__":
    vectors(sys.argv[1])
    if len(sys.argv) > 2:
        server(sys.argv[2])
