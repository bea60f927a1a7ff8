// Runs the vectors, and a server if its URL is given: node check.ts vectors.json [umicp://host:port]
// Node 22.18 and later run it as it is; older ones do not strip types. A server that asks who calls is shown the key in SYNAP_KEY.
import { deepStrictEqual as same, ok, rejects } from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { CallError, Client, crc32c, decode, floats, Inbound, Kind, ProtocolError } from "./umicp.ts";

const hex = (text: string) => Buffer.from(text, "hex");
const text = (b: Uint8Array) => Buffer.from(b).toString("hex");

function refused(name: string, run: () => unknown) {
  try {
    if (run() === null) return; // it ends early, and waits for more
  } catch (e) {
    ok(e instanceof ProtocolError, `${name}: ${e}`);
    return;
  }
  throw new Error(`accepted: ${name}`);
}

function vectors(path: string) {
  const v = JSON.parse(readFileSync(path, "utf8"));
  for (const c of v.crc32c) same(crc32c(hex(c.hex)).toString(16).padStart(8, "0"), c.crc);
  let accepted = 0;
  for (const a of v.accept) {
    if (/zstd|lz4/.test(a.name)) continue; // right frames, with codecs that this client does not have
    const { frame: f, length } = decode(hex(a.hex))!;
    same([length, f.op, f.kind, f.flags, Number(f.stream), f.sequence, f.deadline],
      [a.hex.length / 2, a.op, a.kind, a.flags, a.stream_id, a.sequence, a.deadline_ms ?? 0], a.name);
    same(f.request.toString(16).padStart(16, "0"), a.request_id);
    if (f.kind > Kind.fragment) continue;
    same(text(f.meta), a.meta_hex ?? "", a.name);
    same(f.tensors.map((t) => [t.dtype, t.dims, t.name, text(t.data)]), (a.tensors ?? []).map((t: any) => [t.dtype, t.dims, t.name_idx, t.hex]), a.name);
    if (a.canonical) same(text(f.encode()), a.hex, a.name);
    accepted++;
  }
  for (const r of v.reject) refused(r.name, () => decode(hex(r.hex)));
  for (const s of v.accept_sessions) {
    const inbound = new Inbound(s.receiver_accepted_the_connection), messages: object[] = [];
    s.frames.forEach((raw: string, i: number) => {
      const { frame: f } = decode(hex(raw))!;
      const m = f.bare || f.kind > Kind.fragment ? null : inbound.accept(f);
      if (m) messages.push({ after: i + 1, kind: m.kind, flags: m.flags, stream_id: Number(m.stream), request_id: m.request.toString(16).padStart(16, "0"),
        meta_hex: text(m.meta), body_sha256: createHash("sha256").update(m.body).digest("hex") });
    });
    same(messages, s.messages, s.name);
  }
  for (const s of v.reject_sessions) {
    const inbound = new Inbound(s.receiver_accepted_the_connection), frames = s.frames.map((f: string) => decode(hex(f))!.frame);
    for (const f of frames.slice(0, -1)) inbound.accept(f);
    refused(s.name, () => inbound.accept(frames.at(-1)) ?? "nothing");
  }
  console.log(`vectors: ${accepted} frames accepted, ${v.reject.length} frames and ${v.reject_sessions.length} sessions rejected`);
}

async function server(url: string) {
  const key = process.env.SYNAP_KEY;
  const c = await Client.dial(url, key), writer = await Client.dial(url, key);
  const value = { a: [1, 2.5, null], ü: true };
  const written = await c.call("kv.set", { key: "typescript", value });
  const got = await c.call(0x0101, { key: "typescript" });
  same([got.value, got.version], [value, written.version]);
  await c.call("kv.set", { key: "bytes", value: Uint8Array.of(0, 255) });
  same((await c.call("kv.get", { key: "bytes" })).value, Uint8Array.of(0, 255));
  const large = "x".repeat(1200 << 10);
  await c.call("kv.set", { key: "large", value: large });
  ok((await c.call("kv.get", { key: "large" })).value === large);
  const many = await Promise.all(Array.from({ length: 100 }, () => c.call("kv.increment", { key: "ts" })));
  same(many.map((m) => m.value), Array.from({ length: 100 }, (_, i) => i + 1));
  await rejects(c.call("kv.get", { kei: "a" }), (e: CallError) => e.code === 12 && e.details.nearest === "key");
  const seen: string[] = [];
  for await (const { position, event } of c.watch("kv.watch", { keys: ["watched"] })) {
    if (event === null && seen.length === 0) for (let i = 0; i < 5; i++) await writer.call("kv.set", { key: "watched", value: String(i) });
    if (event !== null) {
      ok(position);
      seen.push(event.value);
    }
    if (seen.length === 5) break;
  }
  same(seen, ["0", "1", "2", "3", "4"]);
  same((await c.call("kv.get", { key: "watched" })).value, "4");
  try {
    await c.call("vector.collection.create", { collection: "ts", dimension: 3 });
    await c.call("vector.upsert", { collection: "ts", ids: [7, 9] }, { tensors: { rows: floats([1, 0, 0, 0, 1, 0], 2, 3) } });
    const { hits } = await c.call("vector.search", { collection: "ts", limit: 1 }, { tensors: { vector: floats([0.1, 0.9, 0]) } });
    same(hits[0].id, 9);
    console.log("server: vectors as tensors");
  } catch (e) {
    ok(e instanceof CallError && e.code === 16, String(e)); // there are no collections
  }
  const big = "y".repeat(400 << 10), { version: from } = await writer.call("kv.set", { key: "many", value: "" });
  for (let i = 0; i < 3; i++) await writer.call("kv.set", { key: "many", value: big });
  for (let i = 0; i < 50; i++) // until the connection would have no credit any more
    for await (const { event } of c.watch("kv.watch", { keys: ["many"], from })) {
      ok(event.value === big);
      break;
    }
  const { result: product } = await c.call("matrix.multiply", { a: [[1, 2]], b: [[3], [4]] }, { as_tensors: true });
  same([product.dtype, product.dims, Buffer.from(product.data).readFloatLE()], ["float32", [1, 1], 11]);
  await rejects(c.call("kv.set", { key: "a", value: new Date() }), TypeError);
  if (key) await rejects(Client.dial(url, "sk_wrong"), (e: CallError) => e.code === 3); // with --auth=off nobody looks
  await rejects(Client.dial("http://localhost"), TypeError);
  c.close();
  writer.close();
  console.log("server: calls, pipelines, large values, errors and a watch");
}

vectors(process.argv[2]);
if (process.argv[3]) await server(process.argv[3]);
