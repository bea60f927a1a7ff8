"""A reference client of UMICP over TCP, in the short form (COMPACT), with nothing but the standard library.

It is written from docs/umicp.md to prove that page, and tested against the vectors and a server. It favours being
short over being fast: one connection, one thread, requests on stream 0, watches on streams of their own. Calls may be made while a
watch is gone through. A connection that broke, or on which an answer did not come in time, is over: what was asked may have been
done or not, and a new Client goes on; with an idempotency_key a call can be repeated.

    with Client("umicp://127.0.0.1:15502", api_key) as c:  # a server with --auth=off needs no key
        c.call("kv.set", {"key": "a", "value": "1"})
        print(c.call("kv.get", {"key": "a"})["value"])
        c.call("vector.upsert", {"collection": "docs", "ids": [1, 2]}, tensors={"rows": Tensor.floats([[1, 0], [0, 1]])})
        for position, event in c.watch("kv.watch", {"keys": ["a"]}):
            ...

umicps:// is TLS, checked with the authorities that the system knows, or with an ssl.SSLContext that is given as tls.
"""

import array
import json
import socket
import ssl
import struct
import sys
from urllib.parse import urlsplit

MAGIC, HEADER_BYTES, ALIGN = b"UMX1", 64, 64
MESSAGE, HELLO, WELCOME, PING, PONG, CREDIT, CANCEL, GOAWAY, ERROR, FRAGMENT = range(10)
CONTROL, DATA, ACK, OP_ERROR, REQUEST, RESPONSE = range(6)
FRAGMENT_START, FRAGMENT_CONTINUE, FRAGMENT_END, STREAM_START, STREAM_END = 0x08, 0x10, 0x20, 0x40, 0x80
FRAGMENTS, EXT, WANT_ACK = 0x38, 0x8000, 0x4000
BODY_CRC, IGNORABLE, COMPACT = 1, 2, 4
JSON, MSGPACK = 0, 2
MAX_META, MAX_TENSORS, MAX_RANK, MAX_DEPTH, NO_NAME = 1 << 20, 1024, 4, 32, 0xFFFF

DTYPES = ("float32 float64 int32 int64 uint8 uint16 uint32 uint64 int8 int16 float16 bfloat16 "
          "bool bit float8_e4m3fn float8_e5m2 int4").split()
BITS = (32, 64, 32, 64, 8, 16, 32, 64, 8, 16, 16, 16, 8, 1, 8, 8, 4)
ARRAY_CODES = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I",
               "uint64": "Q", "int8": "b", "int16": "h"}


class ProtocolError(Exception):
    """Bytes that are no frame, or frames that do not belong where they came."""


class CallError(Exception):
    """A call that failed: code is the number, details what the server adds."""

    def __init__(self, code, message, details=None):
        super().__init__(f"{message} ({code})")
        self.code, self.details = code, details or {}


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _crc_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def pad(n):
    return n + ALIGN - 1 & -ALIGN


# The header, and a tensor's descriptor, as docs/umicp.md draws them.
_HEADER = struct.Struct("<BBHQII4sBBBBHHQIIQII")
_DESCRIPTOR = struct.Struct("<BBBBBbHQQQQQQIf")


class Tensor:
    """Numbers of one type. data is bytes, little-endian; codecs are not implemented here, so nothing is compressed."""

    def __init__(self, dtype, dims, data, name_idx=NO_NAME, flags=0, layout=0, scale=0.0, zero_point=0):
        self.dtype, self.dims, self.data, self.name_idx = dtype, tuple(dims), bytes(data), name_idx
        self.flags, self.layout, self.scale, self.zero_point = flags, layout, scale, zero_point

    @classmethod
    def of(cls, dtype, numbers, *dims):
        a = array.array(ARRAY_CODES[dtype], numbers)
        if sys.byteorder == "big":
            a.byteswap()
        return cls(dtype, dims or (len(a),), a.tobytes())

    @classmethod
    def floats(cls, rows):
        """From a list of numbers, a list of rows, or a numpy array."""
        if hasattr(rows, "astype"):
            rows = rows.astype("<f4", copy=False)
            return cls("float32", rows.shape, rows.tobytes())
        if rows and isinstance(rows[0], (list, tuple)):
            return cls.of("float32", [x for row in rows for x in row], len(rows), len(rows[0]))
        return cls.of("float32", rows)

    def numbers(self):
        a = array.array(ARRAY_CODES[self.dtype])
        a.frombytes(self.data)
        if sys.byteorder == "big":
            a.byteswap()
        return a.tolist()

    def size(self):
        return _size(DTYPES.index(self.dtype), self.layout, self.dims)


def _size(dtype, layout, dims):
    bits, rows = BITS[dtype], 1
    if layout > 2 or layout == 1 and bits < 8 or layout == 2 and not dims:
        raise ProtocolError("layout")
    for d in dims[:-1]:
        rows *= d
    row = ((dims[-1] if dims else 1) * bits + 7) // 8
    size = rows * (pad(row) if layout == 2 else row)
    if size > 1 << 62:
        raise ProtocolError("too many elements")
    return size


class Frame:
    """A frame, decoded."""

    def __init__(self, op=REQUEST, kind=MESSAGE, flags=0, stream=0, sequence=0, request=0, deadline_ms=0, meta=b"",
                 meta_encoding=JSON, ext=0, tensors=(), credit=0):
        self.op, self.kind, self.flags, self.stream, self.sequence = op, kind, flags, stream, sequence
        self.request, self.deadline_ms, self.meta, self.meta_encoding = request, deadline_ms, meta, meta_encoding
        self.ext, self.tensors, self.credit = ext, list(tensors), credit

    def encode(self):
        body = bytearray(self.meta) + bytes(pad(len(self.meta)) - len(self.meta))
        at, buffers = len(body) + ALIGN * len(self.tensors), bytearray()
        for t in self.tensors:
            dims = t.dims + (1,) * (MAX_RANK - len(t.dims))
            crc = crc32c(t.data) if t.flags & 1 else 0
            body += _DESCRIPTOR.pack(DTYPES.index(t.dtype), len(t.dims), t.layout, 0, t.flags, t.zero_point, t.name_idx,
                                     *dims, at, len(t.data), crc, t.scale)
            buffers += t.data + bytes(pad(len(t.data)) - len(t.data))
            at += pad(len(t.data))
        body += buffers
        ext = self.ext | (BODY_CRC if body else 0)
        head = bytearray(_HEADER.pack(
            1, self.op, self.flags | EXT, self.stream, self.sequence, HEADER_BYTES - 20 + len(body), MAGIC, 1, self.kind,
            self.meta_encoding, 0, len(self.tensors), ext, self.request, len(self.meta), self.deadline_ms,
            self.credit if PING <= self.kind <= GOAWAY else len(body), crc32c(body) if body else 0, 0))
        struct.pack_into("<I", head, 60, crc32c(head[:60]))
        return bytes(head + body)


def parse_header(b, max_frame=64 << 20):
    """Check and read the first 64 bytes; returns the frame and how many bytes of body follow."""
    if len(b) < HEADER_BYTES:
        raise ProtocolError("shorter than a header")
    (version, op, flags, stream, sequence, length, magic, ext_version, kind, encoding, codec, count, ext, request,
     meta_len, deadline, message_len, body_crc, crc) = _HEADER.unpack_from(b)
    if magic != MAGIC or version != 1 or ext_version != 1 or not flags & EXT:
        raise ProtocolError("not a frame of UMX1")
    if crc32c(b[:60]) != crc:
        raise ProtocolError("header checksum")
    if length + 20 > max_frame or length < 44 or (length + 20) % ALIGN:
        raise ProtocolError("length")
    body_len = length + 20 - HEADER_BYTES
    f = Frame(op, kind, flags & ~EXT, stream, sequence, request, deadline, b"", encoding, ext)
    f.meta_len, f.count, f.message_len, f.body_crc, f.meta_codec = meta_len, count, message_len, body_crc, codec
    if kind > FRAGMENT:
        if ext & IGNORABLE:
            return f, body_len
        raise ProtocolError("kind")
    part = flags & FRAGMENTS
    if flags & ~(EXT | FRAGMENTS | STREAM_START | STREAM_END | WANT_ACK) or ext & ~7 or op > RESPONSE:
        raise ProtocolError("reserved bits")
    if PING <= kind <= GOAWAY:
        if body_len or meta_len or count or part:
            raise ProtocolError("a header and nothing else")
        f.credit = message_len
        return f, body_len
    if encoding not in (JSON, MSGPACK) or meta_len > MAX_META or count > MAX_TENSORS or codec:
        raise ProtocolError("metadata")
    if kind == FRAGMENT:
        if part not in (FRAGMENT_CONTINUE, FRAGMENT_END) or meta_len or count or not body_len:
            raise ProtocolError("fragment")
    elif part == 0 and message_len != body_len or part == FRAGMENT_START and (message_len <= body_len or message_len % ALIGN):
        raise ProtocolError("message_len")
    elif part not in (0, FRAGMENT_START) or pad(meta_len) + ALIGN * count > body_len:
        raise ProtocolError("metadata and descriptors do not fit")
    return f, body_len


def decode(b, max_frame=64 << 20):
    """Decode the frame that b begins with; returns it and what follows."""
    f, body_len = parse_header(b, max_frame)
    if len(b) < HEADER_BYTES + body_len:
        raise ProtocolError("the frame ends early")
    body = b[HEADER_BYTES:HEADER_BYTES + body_len]
    decode_body(f, body)
    return f, b[HEADER_BYTES + body_len:]


def decode_body(f, body):
    f.body = body
    if f.kind > FRAGMENT or PING <= f.kind <= GOAWAY:
        return
    if f.ext & BODY_CRC and crc32c(body) != f.body_crc:
        raise ProtocolError("body checksum")
    if f.kind == FRAGMENT:
        return
    f.meta, at = bytes(body[:f.meta_len]), pad(f.meta_len)
    if any(body[f.meta_len:at]) or f.meta_encoding == JSON and _depth(f.meta) > MAX_DEPTH:
        raise ProtocolError("metadata")
    following = at + ALIGN * f.count
    f.places = []
    for _ in range(f.count):
        (dtype, rank, layout, codec, flags, zero, name, d0, d1, d2, d3, offset, stored, crc, scale) = _DESCRIPTOR.unpack_from(body, at)
        dims = (d0, d1, d2, d3)
        if rank > MAX_RANK or dtype >= len(DTYPES) or flags & ~15 or any(d != 1 for d in dims[rank:]):
            raise ProtocolError("descriptor")
        size = _size(dtype, layout, dims[:rank])
        if codec or stored != size or offset != following or stored > f.message_len - following:
            raise ProtocolError("buffer")  # a compressed one is a right frame that this client does not read
        f.tensors.append(Tensor(DTYPES[dtype], dims[:rank], b"", name, flags, layout, scale, zero))
        f.places.append((offset, stored, crc))
        at, following = at + ALIGN, following + pad(stored)
    if following != f.message_len:
        raise ProtocolError("the buffers do not end with the message")
    if not f.flags & FRAGMENT_START:
        complete(f, body)


def complete(f, body):
    """Give the tensors their data out of the whole body."""
    for t, (offset, stored, crc) in zip(f.tensors, f.places):
        t.data = bytes(body[offset:offset + stored])
        if any(body[offset + stored:pad(offset + stored)]) or t.flags & 1 and crc32c(t.data) != crc:
            raise ProtocolError("tensor")


def _depth(text):
    depth = most = i = 0
    quoted = False
    while i < len(text):
        c = text[i:i + 1]
        if quoted:
            if c == b"\\":
                i += 1
            elif c == b'"':
                quoted = False
        elif c == b'"':
            quoted = True
        elif c in b"{[":
            depth, most = depth + 1, max(most, depth + 1)
        elif c in b"}]":
            depth -= 1
        i += 1
    return most


class Inbound:
    """The order of what the other side sends: numbers, who opens which stream, fragments."""

    def __init__(self, accepted=False):
        self.parity, self.first, self.last, self.streams, self.zero = int(accepted), 0, 0, {}, {"part": None}

    def expect(self, stream):
        self.streams[stream] = {"next": 0, "part": None, "theirs": False}

    def accept(self, f):
        """Take the next frame that is not a bare one; returns a whole message, or None when more is to come."""
        if f.stream == 0:
            if f.sequence != self.first or f.flags & (STREAM_START | STREAM_END):
                raise ProtocolError("stream 0")
            self.first += 1
            return self._assemble(self.zero, f)
        s = self.streams.get(f.stream)
        if s is None:
            if f.stream % 2 != self.parity or f.stream <= self.last or not f.flags & STREAM_START:
                raise ProtocolError("stream")
            s = self.streams[f.stream] = {"next": 0, "part": None, "theirs": True}
            self.last = f.stream
        elif f.flags & STREAM_START and (s["theirs"] or s["next"]):
            raise ProtocolError("opened twice")
        if f.sequence != s["next"]:
            raise ProtocolError("a gap")
        s["next"] += 1
        if f.flags & STREAM_END and (not f.flags & FRAGMENTS or f.flags & FRAGMENT_END):
            del self.streams[f.stream]
        return self._assemble(s, f)

    @staticmethod
    def _assemble(s, f):
        part = s["part"]
        if f.kind == ERROR:
            s["part"] = None
            return f
        if f.kind != FRAGMENT:
            if part is not None:
                raise ProtocolError("a message in the middle of another")
            if not f.flags & FRAGMENT_START:
                return f
            s["part"] = (f, bytearray(f.body))
            return None
        if part is None or f.message_len != part[0].message_len or f.request != part[0].request or len(part[1]) + len(f.body) > f.message_len:
            raise ProtocolError("fragment")
        part[1].extend(f.body)
        if not f.flags & FRAGMENT_END:
            return None
        if len(part[1]) != f.message_len:
            raise ProtocolError("fragments are missing")
        s["part"] = None
        part[0].body = bytes(part[1])
        complete(part[0], part[0].body)
        part[0].flags = part[0].flags & ~FRAGMENTS | f.flags & STREAM_END
        return part[0]


def pack(v):
    """MessagePack of None, bool, int, float, str, bytes, list and dict."""
    if v is None:
        return b"\xc0"
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        if 0 <= v < 128 or -32 <= v < 0:
            return struct.pack("b" if v < 0 else "B", v)
        if not -(1 << 63) <= v < 1 << 64:
            raise OverflowError(f"{v} does not fit into 64 bits")
        return b"\xcf" + struct.pack(">Q", v) if v > 0 else b"\xd3" + struct.pack(">q", v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        raw = v.encode()
        return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else b"\xdb" + struct.pack(">I", len(raw))) + raw
    if isinstance(v, (bytes, bytearray)):
        return b"\xc6" + struct.pack(">I", len(v)) + bytes(v)
    if isinstance(v, (list, tuple)):
        head = bytes([0x90 | len(v)]) if len(v) < 16 else b"\xdd" + struct.pack(">I", len(v))
        return head + b"".join(map(pack, v))
    if not isinstance(v, dict):
        raise TypeError(f"a {type(v).__name__} cannot be sent: only None, bool, int, float, str, bytes, lists and dicts can")
    head = bytes([0x80 | len(v)]) if len(v) < 16 else b"\xdf" + struct.pack(">I", len(v))
    return head + b"".join(pack(str(k)) + pack(x) for k, x in v.items())


_FIXED = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_SIZED = {0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"), 0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
          0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "map"), 0xDF: (">I", "map")}


def unpack(b, at=0):
    """The value at b[at:], and where it ends."""
    code = b[at]
    at += 1
    if code < 0x80 or code >= 0xE0:
        return code if code < 0x80 else code - 256, at
    if code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
    if code in _FIXED:
        return struct.unpack_from(_FIXED[code], b, at)[0], at + struct.calcsize(_FIXED[code])
    if code < 0x90:
        n, kind = code & 15, "map"
    elif code < 0xA0:
        n, kind = code & 15, "list"
    elif code < 0xC0:
        n, kind = code & 31, "str"
    else:
        form, kind = _SIZED[code]
        n, at = struct.unpack_from(form, b, at)[0], at + struct.calcsize(form)
    if kind in ("str", "bin"):
        raw = bytes(b[at:at + n])
        return raw.decode() if kind == "str" else raw, at + n
    items = []
    for _ in range(n * (2 if kind == "map" else 1)):
        v, at = unpack(b, at)
        items.append(v)
    return dict(zip(items[::2], items[1::2])) if kind == "map" else items, at


# The server asks who is silent for half a minute whether it is there: nothing at all for so long, and it is gone.
SILENCE = 100
WINDOW, CONN_WINDOW = 1 << 20, 16 << 20


class Client:
    """One connection. Calls are made one after the other, or several at once with calls()."""

    def __init__(self, url, api_key=None, peer_id="python", timeout=30, tls=None):
        u = urlsplit(url)
        if u.scheme not in ("umicp", "umicps") or not u.hostname:
            raise ValueError(f"{url!r} is not like umicp://host:15502 or umicps://host:15502")
        self.timeout, self.broken = timeout, None
        self.sock = socket.create_connection((u.hostname, u.port or 15502), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inbound, self.sequence, self.request, self.stream = Inbound(), 0, 0, -1
        self.waiting = {}  # messages of streams that somebody follows, which came while another was waited for
        self.costs, self.back = {}, 0  # stored bytes taken of a message under way, by stream; and those the server was not told of
        hello = {"umx": [1], "peer_id": peer_id, "max_frame": 64 << 20, "max_message": 256 << 20, "window": WINDOW,
                 "conn_window": CONN_WINDOW, "codecs": ["none"], "dtypes": DTYPES, "checksum": "crc32c"}
        if api_key:
            hello["auth"] = {"api_key": api_key}
        try:
            if u.scheme == "umicps":
                self.sock = (tls or ssl.create_default_context()).wrap_socket(self.sock, server_hostname=u.hostname)
            self._send(Frame(CONTROL, HELLO, sequence=self._number(), meta=json.dumps(hello).encode()).encode())
            answer = self._message(0, timeout)
            if answer.kind != WELCOME:
                self._result(answer)
                raise ProtocolError("no WELCOME")
        except BaseException:
            self.close()
            raise
        self.welcome = json.loads(answer.meta)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.broken = self.broken or "it was closed"
        self.sock.close()

    def call(self, operation, args=None, tensors=None, **options):
        """Run a command and return its result. operation is a name or a number. With as_tensors=True the numbers of the result
        are Tensors."""
        return self.calls([(operation, args, tensors, options)])[0]

    def calls(self, requests):
        """Run several commands with one write; the answers come in the same order. Errors are raised when all are there."""
        frames = []
        for operation, args, tensors, options in requests:
            frames.append(self._request(operation, args, tensors, options))
        for f in frames:  # none is numbered before all could be made
            f.sequence = self._number()
        self._send(b"".join(f.encode() for f in frames))
        answers = {f.request: None for f in frames}
        for _ in frames:
            f = self._message(0, self.timeout)
            answers[f.request] = f
        return [self._result(f)[0] for f in answers.values()]

    def watch(self, operation, args=None, **options):
        """Follow changes: yields (position, event), and (position, None) when everything up to it was seen. Leaving the
        loop ends the watch. With repeat=True a command that waits and takes, as queue.receive, is run again and again."""
        f = self._request(operation, args, None, options)
        self.stream += 2
        stream, taken, ended = self.stream, 0, False
        f.stream, f.flags = stream, STREAM_START | STREAM_END
        self.inbound.expect(stream)
        self.waiting[stream] = []
        try:
            self._send(f.encode())
            while not ended:
                f = self._message(stream, self.timeout and max(self.timeout, SILENCE))
                ended = bool(f.flags & STREAM_END)
                taken += f.cost
                if taken >= WINDOW // 2:
                    self._send(Frame(CONTROL, CREDIT, stream=stream, credit=taken).encode())
                    taken = 0
                if f.body:
                    event, position = self._result(f)
                    yield position, event
        finally:
            del self.waiting[stream]
            if not ended and not self.broken:
                self._send(Frame(CONTROL, CANCEL, stream=stream, sequence=24).encode())

    def _request(self, operation, args, tensors, options):
        named = []
        for i, (name, t) in enumerate((tensors or {}).items()):
            t.name_idx = i
            options = dict(options, tensors=list(tensors))
            named.append(t)
        meta = pack([operation, args] + ([options] if options else []))
        if len(meta) > MAX_META:
            large = pack(args)
            named.append(Tensor("uint8", (len(large),), large))
            meta = pack([operation, None, dict(options, body=len(named) - 1)])
        self.request += 1
        return Frame(REQUEST, MESSAGE, request=self.request, meta=meta, meta_encoding=MSGPACK, ext=COMPACT, tensors=named)

    def _number(self):
        self.sequence += 1
        return self.sequence - 1

    def _send(self, data):
        if self.broken:
            raise ConnectionError(f"the connection is over: {self.broken}")
        try:
            self.sock.sendall(data)
        except OSError as e:
            self._lost(e)
            raise

    def _lost(self, why):
        self.broken = self.broken or str(why)
        self.sock.close()

    def _read(self, n):
        b = bytearray()
        while len(b) < n:
            got = self.sock.recv(min(n - len(b), 1 << 20))
            if not got:
                raise ConnectionError("the server has closed the connection")
            b += got
        return bytes(b)

    def _message(self, stream, timeout):
        """The next message of a stream. Those of others are kept if somebody follows them."""
        if self.waiting.get(stream):
            return self.waiting[stream].pop(0)
        if self.broken:
            raise ConnectionError(f"the connection is over: {self.broken}")
        self.sock.settimeout(timeout)
        try:
            while True:
                f = self._next()
                if f.stream == stream:
                    return f
                if f.stream in self.waiting:
                    self.waiting[f.stream].append(f)
        except TimeoutError:  # of before Python 3.10, socket.timeout, is an OSError
            self._lost(f"nothing came for {timeout} s")
            raise TimeoutError(self.broken) from None
        except (OSError, ProtocolError) as e:
            self._lost(e)
            raise

    def _next(self):
        while True:
            f, body_len = parse_header(self._read(HEADER_BYTES))
            decode_body(f, self._read(body_len))
            if f.kind == PING:
                self._send(Frame(CONTROL, PONG, request=f.request).encode())
            elif f.kind == GOAWAY:
                raise ConnectionError(f"the server ends the session: reason {f.sequence}")
            elif not PING <= f.kind <= GOAWAY and f.kind <= FRAGMENT:
                self._took(f)
                whole = self.inbound.accept(f)
                if whole is not None:
                    whole.cost = self.costs.pop(f.stream, 0)
                    return whole

    def _took(self, f):
        """Credit of the connection is given back as frames come; that of a stream, when its messages are gone through."""
        if f.stream == 0 or f.kind == ERROR:
            return
        n = max(len(f.body), 64)
        self.costs[f.stream] = self.costs.get(f.stream, 0) + n
        self.back += n
        if self.back >= CONN_WINDOW // 2:
            self._send(Frame(CONTROL, CREDIT, credit=self.back).encode())
            self.back = 0

    @staticmethod
    def _result(f):
        answer, _ = unpack(f.meta)
        if answer[0] != 0:
            raise CallError(answer[0], answer[1], answer[2] if len(answer) > 2 else None)
        if len(answer) < 3 or not isinstance(answer[2], dict):
            return answer[1], answer[2] if len(answer) > 2 else None
        value, apart = answer[1], answer[2]
        if "body" in apart:
            value, _ = unpack(f.tensors[apart["body"]].data)
        names = apart.get("tensors") or []
        for t in f.tensors:
            if t.name_idx < len(names):
                value = dict(value or {}, **{names[t.name_idx]: t})
        return value, None
