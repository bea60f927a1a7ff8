// A reference client of UMICP over TCP, in the short form (COMPACT), with nothing but what Node has.
//
// It is written from docs/umicp.md to prove that page, and tested against the vectors and a server. The types can be
// stripped: Node from 22.18 on runs it as it is. One connection; calls may be under way at the same time, those of
// stream 0 are run in order; watches are async iterators on streams of their own.
//
//   const c = await Client.dial("umicp://127.0.0.1:15502");
//   await c.call("kv.set", { key: "a", value: "1" });
//   for await (const { position, event } of c.watch("kv.watch", { keys: ["a"] })) ...
//
// umicps:// is TLS, checked with the authorities that Node knows, or by what is given as tls. A connection that broke is over, and every
// call on it fails: what was asked may have been done or not. A new Client goes on; with an idempotency_key a call can be repeated.
import { connect, isIP, type Socket } from "node:net";
import { connect as secure, type ConnectionOptions } from "node:tls";

export const HEADER_BYTES = 64;
export const Kind = { message: 0, hello: 1, welcome: 2, ping: 3, pong: 4, credit: 5, cancel: 6, goaway: 7, error: 8, fragment: 9 } as const;
export const Op = { control: 0, data: 1, ack: 2, error: 3, request: 4, response: 5 } as const;
export const Flag = { start: 0x08, continue: 0x10, end: 0x20, streamStart: 0x40, streamEnd: 0x80, wantAck: 0x4000, ext: 0x8000 } as const;
const fragments = 0x38, bodyCRC = 1, ignorable = 2, compact = 4, maxMeta = 1 << 20, noName = 0xffff;

const dtypes = ["float32", "float64", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "float16", "bfloat16",
  "bool", "bit", "float8_e4m3fn", "float8_e5m2", "int4"];
const bits = [32, 64, 32, 64, 8, 16, 32, 64, 8, 16, 16, 16, 8, 1, 8, 8, 4];

export class ProtocolError extends Error {}

/** A call that failed. */
export class CallError extends Error {
  code: number;
  details: Record<string, unknown>;
  constructor(code: number, message: string, details?: Record<string, unknown>) {
    super(`${message} (${code})`);
    this.code = code;
    this.details = details ?? {};
  }
}

const table = new Uint32Array(256).map((_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? (n >>> 1) ^ 0x82f63b78 : n >>> 1;
  return n >>> 0;
});

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

const pad = (n: number) => Math.ceil(n / 64) * 64;
const wrong = (why: string): never => { throw new ProtocolError(why); };

/** Numbers of one type. data is little-endian; nothing is compressed here. */
export interface Tensor {
  dtype: string;
  dims: number[];
  data: Uint8Array;
  name?: number;
  flags?: number;
  layout?: number;
  scale?: number;
  zeroPoint?: number;
}

export function floats(numbers: number[] | Float32Array, ...dims: number[]): Tensor {
  const data = new Uint8Array(numbers.length * 4), view = new DataView(data.buffer);
  numbers.forEach((x, i) => view.setFloat32(4 * i, x, true));
  return { dtype: "float32", dims: dims.length ? dims : [numbers.length], data };
}

function sizeOf(dtype: number, layout: number, dims: bigint[]): bigint {
  if (layout > 2 || (layout === 1 && bits[dtype] < 8) || (layout === 2 && dims.length === 0)) wrong("layout");
  const rows = dims.slice(0, -1).reduce((a, b) => a * b, 1n);
  let row = ((dims.at(-1) ?? 1n) * BigInt(bits[dtype]) + 7n) / 8n;
  if (layout === 2) row = ((row + 63n) / 64n) * 64n;
  return rows * row <= 1n << 62n ? rows * row : wrong("too many elements");
}

export class Frame {
  op = Op.request as number;
  kind = Kind.message as number;
  flags = 0;
  stream = 0n;
  sequence = 0;
  request = 0n;
  deadline = 0;
  encoding = 0; // of the metadata: 0 is JSON, 2 MessagePack
  ext = 0;
  credit = 0n;
  meta: Uint8Array = new Uint8Array();
  tensors: Tensor[] = [];
  body: Uint8Array = new Uint8Array();
  messageLen = 0n;
  places: { offset: number; stored: number; crc: number }[] = [];

  constructor(init: Partial<Frame> = {}) { Object.assign(this, init); }

  get bare() { return this.kind >= Kind.ping && this.kind <= Kind.goaway; }

  encode(): Uint8Array {
    let at = pad(this.meta.length) + 64 * this.tensors.length;
    const out = Buffer.alloc(HEADER_BYTES + at + this.tensors.reduce((n, t) => n + pad(t.data.length), 0));
    const body = out.subarray(HEADER_BYTES);
    body.set(this.meta);
    this.tensors.forEach((t, i) => {
      const d = body.subarray(pad(this.meta.length) + 64 * i);
      d.set([dtypes.indexOf(t.dtype), t.dims.length, t.layout ?? 0, 0, t.flags ?? 0, t.zeroPoint ?? 0]);
      d.writeUInt16LE(t.name ?? noName, 6);
      for (let j = 0; j < 4; j++) d.writeBigUInt64LE(BigInt(t.dims[j] ?? 1), 8 + 8 * j);
      d.writeBigUInt64LE(BigInt(at), 40);
      d.writeBigUInt64LE(BigInt(t.data.length), 48);
      d.writeUInt32LE((t.flags ?? 0) & 1 ? crc32c(t.data) : 0, 56);
      d.writeFloatLE(t.scale ?? 0, 60);
      body.set(t.data, at);
      at += pad(t.data.length);
    });
    out.set([1, this.op]);
    out.writeUInt16LE(this.flags | Flag.ext, 2);
    out.writeBigUInt64LE(this.stream, 4);
    out.writeUInt32LE(this.sequence, 12);
    out.writeUInt32LE(out.length - 20, 16);
    out.write("UMX1", 20, "latin1");
    out.set([1, this.kind, this.encoding, 0], 24);
    out.writeUInt16LE(this.tensors.length, 28);
    out.writeUInt16LE(this.ext | (body.length ? bodyCRC : 0), 30);
    out.writeBigUInt64LE(this.request, 32);
    out.writeUInt32LE(this.meta.length, 40);
    out.writeUInt32LE(this.deadline, 44);
    out.writeBigUInt64LE(this.bare ? this.credit : BigInt(body.length), 48);
    out.writeUInt32LE(body.length ? crc32c(body) : 0, 56);
    out.writeUInt32LE(crc32c(out.subarray(0, 60)), 60);
    return out;
  }
}

/** The length of the frame that b begins with, checked as far as its header goes. */
function parseHeader(b: Buffer, maxFrame: number): { frame: Frame; length: number; metaLen: number; count: number; crc: number } {
  if (b.length < HEADER_BYTES) wrong("shorter than a header");
  const flags = b.readUInt16LE(2);
  if (b.toString("latin1", 20, 24) !== "UMX1" || b[0] !== 1 || b[24] !== 1 || !(flags & Flag.ext)) wrong("not a frame of UMX1");
  if (crc32c(b.subarray(0, 60)) !== b.readUInt32LE(60)) wrong("header checksum");
  const length = b.readUInt32LE(16) + 20;
  if (length > maxFrame || length < HEADER_BYTES || length % 64) wrong("length");
  const frame = new Frame({
    op: b[1], kind: b[25], flags: flags & ~Flag.ext, stream: b.readBigUInt64LE(4), sequence: b.readUInt32LE(12), encoding: b[26],
    ext: b.readUInt16LE(30), request: b.readBigUInt64LE(32), deadline: b.readUInt32LE(44), messageLen: b.readBigUInt64LE(48),
  });
  const metaLen = b.readUInt32LE(40), count = b.readUInt16LE(28), body = length - HEADER_BYTES, part = flags & fragments;
  const found = { frame, length, metaLen, count, crc: b.readUInt32LE(56) };
  if (frame.kind > Kind.fragment) return frame.ext & ignorable ? found : wrong("kind");
  if (flags & ~(Flag.ext | fragments | Flag.streamStart | Flag.streamEnd | Flag.wantAck) || frame.ext & ~7 || frame.op > Op.response) wrong("reserved bits");
  if (frame.bare) {
    if (body || metaLen || count || part) wrong("a header and nothing else");
    frame.credit = frame.messageLen;
    return found;
  }
  if ((frame.encoding !== 0 && frame.encoding !== 2) || b[27] || metaLen > maxMeta || count > 1024) wrong("metadata");
  if (frame.kind === Kind.fragment) {
    if ((part !== Flag.continue && part !== Flag.end) || metaLen || count || !body) wrong("fragment");
  } else if (part !== 0 && part !== Flag.start) wrong("fragment");
  else if (part === 0 ? frame.messageLen !== BigInt(body) : frame.messageLen <= BigInt(body) || frame.messageLen % 64n) wrong("message_len");
  else if (pad(metaLen) + 64 * count > body) wrong("metadata and descriptors do not fit");
  return found;
}

const zeros = (b: Uint8Array) => b.every((x) => x === 0);

/** Decodes the frame that b begins with; null when it is not there whole. */
export function decode(bytes: Uint8Array, maxFrame = 64 << 20): { frame: Frame; length: number } | null {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { frame: f, length, metaLen, count, crc } = parseHeader(b, maxFrame);
  if (b.length < length) return null;
  const body = (f.body = b.subarray(HEADER_BYTES, length));
  if (f.kind > Kind.fragment || f.bare) return { frame: f, length };
  if (f.ext & bodyCRC && crc32c(body) !== crc) wrong("body checksum");
  if (f.kind === Kind.fragment) return { frame: f, length };
  f.meta = body.subarray(0, metaLen);
  let at = pad(metaLen), next = BigInt(at + 64 * count);
  if (!zeros(body.subarray(metaLen, at)) || (f.encoding === 0 && depth(f.meta) > 32)) wrong("metadata");
  for (let i = 0; i < count; i++, at += 64) {
    const d = body.subarray(at, at + 64), rank = d[1];
    const dims = [8, 16, 24, 32].map((o) => d.readBigUInt64LE(o)), offset = d.readBigUInt64LE(40), stored = d.readBigUInt64LE(48);
    if (rank > 4 || d[0] >= dtypes.length || d[4] & ~15 || dims.slice(rank).some((x) => x !== 1n)) wrong("descriptor");
    const size = sizeOf(d[0], d[2], dims.slice(0, rank));
    // A compressed buffer is right, and not read here.
    if (d[3] || stored !== size || offset !== next || stored > f.messageLen - next) wrong("buffer");
    f.tensors.push({
      dtype: dtypes[d[0]], dims: dims.slice(0, rank).map(Number), data: new Uint8Array(), name: d.readUInt16LE(6), flags: d[4], layout: d[2],
      scale: d.readFloatLE(60), zeroPoint: d.readInt8(5),
    });
    f.places.push({ offset: Number(offset), stored: Number(stored), crc: d.readUInt32LE(56) });
    next += ((stored + 63n) / 64n) * 64n;
  }
  if (next !== f.messageLen) wrong("the buffers do not end with the message");
  if (!(f.flags & Flag.start)) complete(f, body);
  return { frame: f, length };
}

function complete(f: Frame, body: Uint8Array) {
  f.tensors.forEach((t, i) => {
    const { offset, stored, crc } = f.places[i];
    t.data = body.subarray(offset, offset + stored);
    if (!zeros(body.subarray(offset + stored, pad(offset + stored))) || ((t.flags ?? 0) & 1 && crc32c(t.data) !== crc)) wrong("tensor");
  });
}

function depth(text: Uint8Array): number {
  let now = 0, most = 0, quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = String.fromCharCode(text[i]);
    if (quoted && c === "\\") i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "{" || c === "[")) most = Math.max(most, ++now);
    else if (!quoted && (c === "}" || c === "]")) now--;
  }
  return most;
}

interface Incoming { next: number; theirs: boolean; part: { frame: Frame; body: Uint8Array[]; have: bigint } | null }

/** The order of what the other side sends. */
export class Inbound {
  private parity: bigint;
  private first = 0;
  private last = 0n;
  private zero: Incoming = { next: 0, theirs: true, part: null };
  private streams = new Map<bigint, Incoming>();

  constructor(accepted = false) { this.parity = accepted ? 1n : 0n; }

  expect(stream: bigint) { this.streams.set(stream, { next: 0, theirs: false, part: null }); }

  /** Returns a whole message, or null when more is to come. */
  accept(f: Frame): Frame | null {
    if (f.stream === 0n) {
      if (f.sequence !== this.first++ || f.flags & (Flag.streamStart | Flag.streamEnd)) wrong("stream 0");
      return this.assemble(this.zero, f);
    }
    let s = this.streams.get(f.stream);
    if (!s) {
      if (f.stream % 2n !== this.parity || f.stream <= this.last || !(f.flags & Flag.streamStart)) wrong("stream");
      this.streams.set(f.stream, (s = { next: 0, theirs: true, part: null }));
      this.last = f.stream;
    } else if (f.flags & Flag.streamStart && (s.theirs || s.next)) wrong("opened twice");
    if (f.sequence !== s.next++) wrong("a gap");
    if (f.flags & Flag.streamEnd && (!(f.flags & fragments) || f.flags & Flag.end)) this.streams.delete(f.stream);
    return this.assemble(s, f);
  }

  private assemble(s: Incoming, f: Frame): Frame | null {
    if (f.kind === Kind.error) {
      s.part = null;
      return f;
    }
    if (f.kind !== Kind.fragment) {
      if (s.part) wrong("a message in the middle of another");
      if (!(f.flags & Flag.start)) return f;
      s.part = { frame: f, body: [f.body], have: BigInt(f.body.length) };
      return null;
    }
    const p = s.part ?? wrong("fragment");
    p.have += BigInt(f.body.length);
    p.body.push(f.body);
    if (f.messageLen !== p.frame.messageLen || f.request !== p.frame.request || p.have > f.messageLen) wrong("fragment");
    if (!(f.flags & Flag.end)) return null;
    if (p.have !== f.messageLen) wrong("fragments are missing");
    s.part = null;
    complete(p.frame, (p.frame.body = Buffer.concat(p.body)));
    p.frame.flags = (p.frame.flags & ~fragments) | (f.flags & Flag.streamEnd);
    return p.frame;
  }
}

/** MessagePack of null, booleans, numbers, bigints, strings, Uint8Arrays, arrays and objects. */
export function pack(v: unknown): Buffer {
  const sized = (code: number, n: number, rest: Buffer) => {
    const head = Buffer.alloc(5);
    head[0] = code;
    head.writeUInt32BE(n, 1);
    return Buffer.concat([head, rest]);
  };
  if (v === null || v === undefined) return Buffer.of(0xc0);
  if (typeof v === "boolean") return Buffer.of(v ? 0xc3 : 0xc2);
  if (typeof v === "bigint" || (typeof v === "number" && Number.isSafeInteger(v))) {
    if (v >= 0 && v < 128) return Buffer.of(Number(v));
    const b = Buffer.alloc(9);
    b[0] = v < 0 ? 0xd3 : 0xcf;
    if (v < 0) b.writeBigInt64BE(BigInt(v), 1);
    else b.writeBigUInt64BE(BigInt(v), 1);
    return b;
  }
  if (typeof v === "number") {
    const b = Buffer.alloc(9);
    b[0] = 0xcb;
    b.writeDoubleBE(v, 1);
    return b;
  }
  if (typeof v === "string") return sized(0xdb, Buffer.byteLength(v), Buffer.from(v));
  if (v instanceof Uint8Array) return sized(0xc6, v.length, Buffer.from(v));
  if (typeof v !== "object" || v instanceof Date || v instanceof Map || v instanceof Set) throw new TypeError(`a ${typeof v === "object" ? v.constructor.name : typeof v} cannot be sent`);
  if (Array.isArray(v)) return sized(0xdd, v.length, Buffer.concat(v.map(pack)));
  const entries = Object.entries(v as object).filter(([, x]) => x !== undefined);
  return sized(0xdf, entries.length, Buffer.concat(entries.flatMap(([k, x]) => [pack(k), pack(x)])));
}

/** The value of MessagePack. Integers beyond what a number holds become bigints. */
export function unpack(bytes: Uint8Array): any {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const uint = (n: number) => (at += n, n === 8 ? safe(b.readBigUInt64BE(at - 8)) : b.readUIntBE(at - n, n));
  const safe = (n: bigint) => (n <= Number.MAX_SAFE_INTEGER && n >= Number.MIN_SAFE_INTEGER ? Number(n) : n);
  const take = (n: number) => b.subarray(at, (at += n));
  const list = (n: number): any[] => Array.from({ length: n }, next);
  const map = (n: number) => Object.fromEntries(Array.from({ length: n }, () => [next(), next()]));
  function next(): any {
    const code = b[at++];
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 256;
    if (code < 0x90) return map(code & 15);
    if (code < 0xa0) return list(code & 15);
    if (code < 0xc0) return take(code & 31).toString();
    switch (code) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return new Uint8Array(take(uint(1 << (code - 0xc4)) as number));
      case 0xca: return take(4).readFloatBE();
      case 0xcb: return take(8).readDoubleBE();
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return uint(1 << (code - 0xcc));
      case 0xd0: return take(1).readInt8();
      case 0xd1: return take(2).readInt16BE();
      case 0xd2: return take(4).readInt32BE();
      case 0xd3: return safe(take(8).readBigInt64BE());
      case 0xd9: case 0xda: case 0xdb: return take(uint(1 << (code - 0xd9)) as number).toString();
      case 0xdc: case 0xdd: return list(uint(code === 0xdc ? 2 : 4) as number);
      case 0xde: case 0xdf: return map(uint(code === 0xde ? 2 : 4) as number);
    }
    return wrong("MessagePack");
  }
  return next();
}

export interface CallOptions {
  tensors?: Record<string, Tensor>;
  namespace?: string;
  durability?: string;
  idempotency_key?: string;
  /** The numbers of the result are Tensors. */
  as_tensors?: boolean;
  /** Of watch: a command that waits and takes, as queue.receive, is run again and again. */
  repeat?: boolean;
}

export interface DialOptions {
  /** How long the connection and the greeting may take. */
  within?: number;
  tls?: ConnectionOptions;
}

const window = 1 << 20, connWindow = 16 << 20;

type Waiter = { resolve: (f: Frame) => void; reject: (e: Error) => void };

export class Client {
  welcome: any;
  private socket: Socket;
  private inbound = new Inbound();
  private chunks: Buffer[] = []; // what has come, of which nothing was read
  private have = 0; // bytes of chunks
  private need = HEADER_BYTES; // bytes before there is something to read
  private costs = new Map<bigint, number>(); // stored bytes taken of a message under way, by stream
  private back = 0; // stored bytes that were taken and the server was not told of
  private sequence = 0;
  private request = 0n;
  private stream = -1n;
  private waiting = new Map<bigint, Waiter>();
  private watches = new Map<bigint, { frames: { frame: Frame; cost: number }[]; wake: () => void }>();
  private broken: Error | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.read(chunk as Buffer));
    socket.on("error", (e) => this.fail(e));
    socket.on("close", () => this.fail(new Error("the server has closed the connection")));
  }

  static async dial(url: string, apiKey?: string, { within = 30_000, tls }: DialOptions = {}): Promise<Client> {
    if (!/^umicps?:\/\//.test(url)) throw new TypeError(`${url} is not like umicp://host:15502 or umicps://host:15502`);
    const u = new URL(url.replace(/^umicps?:/, "http:")), host = u.hostname.replace(/^\[|\]$/g, ""), port = Number(u.port || 15502);
    const secured = url.startsWith("umicps:");
    const socket = secured ? secure({ host, port, servername: isIP(host) ? undefined : host, ...tls }) : connect(port, host);
    const late = setTimeout(() => socket.destroy(new Error(`${url}: nothing came for ${within} ms`)), within);
    try {
      await new Promise<void>((resolve, reject) => socket.once(secured ? "secureConnect" : "connect", resolve).once("error", reject));
      const c = new Client(socket);
      const hello = {
        umx: [1], peer_id: "typescript", max_frame: 64 << 20, max_message: 256 << 20, window, conn_window: connWindow, codecs: ["none"],
        dtypes, checksum: "crc32c", ...(apiKey ? { auth: { api_key: apiKey } } : {}),
      };
      const answer = await c.send(new Frame({ op: Op.control, kind: Kind.hello, meta: Buffer.from(JSON.stringify(hello)) }));
      if (answer.kind !== Kind.welcome) result(answer);
      c.welcome = JSON.parse(Buffer.from(answer.meta).toString());
      return c;
    } catch (e) {
      socket.destroy();
      throw e;
    } finally {
      clearTimeout(late);
    }
  }

  close() { this.socket.destroy(); }

  /** Runs a command, by its name or number. Those that are called without waiting are run in order. */
  async call(operation: string | number, args: unknown = null, options: CallOptions = {}): Promise<any> {
    return result(await this.send(this.frame(operation, args, options))).value;
  }

  /** Follows changes. event is null when everything up to the position was seen; the first says that the watch is in place. */
  async *watch(operation: string, args: unknown = null, options: CallOptions = {}): AsyncGenerator<{ position: string | null; event: any }> {
    const first = this.frame(operation, args, options);
    if (this.broken) throw this.broken;
    const stream = (this.stream += 2n), mine = { frames: [] as { frame: Frame; cost: number }[], wake: () => {} };
    this.watches.set(stream, mine);
    this.inbound.expect(stream);
    this.socket.write(new Frame({ ...first, stream, flags: Flag.streamStart | Flag.streamEnd, request: ++this.request }).encode());
    let taken = 0, ended = false;
    try {
      while (!ended) {
        const got = mine.frames.shift();
        if (!got) {
          if (this.broken) throw this.broken;
          await new Promise<void>((resolve) => (mine.wake = resolve));
          continue;
        }
        const f = got.frame;
        ended = (f.flags & Flag.streamEnd) !== 0;
        taken += got.cost;
        if (taken >= window / 2) {
          this.socket.write(new Frame({ op: Op.control, kind: Kind.credit, stream, credit: BigInt(taken) }).encode());
          taken = 0;
        }
        if (f.body.length) {
          const { value, position } = result(f);
          yield { position, event: value };
        }
      }
    } finally {
      this.watches.delete(stream);
      if (!ended && !this.broken) this.socket.write(new Frame({ op: Op.control, kind: Kind.cancel, stream, sequence: 24 }).encode());
    }
  }

  private frame(operation: string | number, args: unknown, { tensors, ...rest }: CallOptions): Frame {
    const named = Object.entries(tensors ?? {}).map(([, t], name) => ({ ...t, name }));
    const options: Record<string, unknown> = { ...rest, ...(named.length ? { tensors: Object.keys(tensors ?? {}) } : {}) };
    let meta = pack([operation, args, options]);
    const all: Tensor[] = named;
    if (meta.length > maxMeta) {
      const data = pack(args);
      all.push({ dtype: "uint8", dims: [data.length], data });
      meta = pack([operation, null, { ...options, body: all.length - 1 }]);
    }
    return new Frame({ meta, encoding: 2, ext: compact, tensors: all });
  }

  private send(f: Frame): Promise<Frame> {
    if (this.broken) return Promise.reject(this.broken);
    f.sequence = this.sequence++;
    f.request = ++this.request;
    return new Promise((resolve, reject) => {
      this.waiting.set(f.request, { resolve, reject });
      this.socket.write(f.encode());
    });
  }

  private read(chunk: Buffer) {
    this.chunks.push(chunk);
    this.have += chunk.length;
    if (this.have < this.need) return; // a large frame is put together once, and not with every piece of it
    let all = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    try {
      for (this.need = HEADER_BYTES; all.length >= HEADER_BYTES; ) {
        const found = decode(all);
        if (!found) {
          this.need = all.readUInt32LE(16) + 20;
          break;
        }
        all = all.subarray(found.length);
        this.take(found.frame);
      }
    } catch (e) {
      this.fail(e as Error);
    }
    this.chunks = all.length ? [all] : [];
    this.have = all.length;
  }

  private take(f: Frame) {
    if (f.kind === Kind.ping) this.socket.write(new Frame({ op: Op.control, kind: Kind.pong, request: f.request }).encode());
    if (f.kind === Kind.goaway) throw new Error(`the server ends the session: reason ${f.sequence}`);
    if (f.bare || f.kind > Kind.fragment) return;
    // Credit of the connection is given back as frames come; that of a stream, when its messages are gone through.
    if (f.stream !== 0n && f.kind !== Kind.error) {
      const cost = Math.max(f.body.length, 64);
      this.costs.set(f.stream, (this.costs.get(f.stream) ?? 0) + cost);
      if ((this.back += cost) >= connWindow / 2) {
        this.socket.write(new Frame({ op: Op.control, kind: Kind.credit, credit: BigInt(this.back) }).encode());
        this.back = 0;
      }
    }
    const whole = this.inbound.accept(f);
    if (!whole) return;
    const cost = this.costs.get(whole.stream) ?? 0, watch = this.watches.get(whole.stream);
    this.costs.delete(whole.stream);
    if (watch) {
      watch.frames.push({ frame: whole, cost });
      watch.wake();
    } else {
      this.waiting.get(whole.request)?.resolve(whole);
      this.waiting.delete(whole.request);
    }
  }

  private fail(e: Error) {
    this.broken ??= e;
    for (const w of this.waiting.values()) w.reject(this.broken);
    this.waiting.clear();
    for (const w of this.watches.values()) w.wake();
    this.socket.destroy();
  }
}

function result(f: Frame): { value: any; position: string | null } {
  const [code, value, extra] = unpack(f.meta);
  if (code !== 0) throw new CallError(code, value, extra);
  if (extra === null || typeof extra !== "object") return { value, position: extra ?? null };
  let all = extra.body === undefined ? value : unpack(f.tensors[extra.body].data);
  for (const t of f.tensors) if (extra.tensors?.[t.name ?? noName] !== undefined) all = { ...all, [extra.tensors[t.name!]]: t };
  return { value: all, position: null };
}
