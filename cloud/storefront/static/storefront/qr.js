// QR codes (ISO/IEC 18004) of alphanumeric text, error correction M, the smallest version that holds it.

import { ALPHABET } from "./base45.js";

// Of level M, by version: error correction codewords of a block, and blocks.
const EC_OF_BLOCK = [
  10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
  26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
];
const BLOCKS = [
  1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
  17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
];
const MASKS = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (row, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
];

/** @param {string} text of the alphanumeric set @returns {Uint8Array[]} rows of modules, 1 dark, without quiet zone */
export function encode(text) {
  const version = versionFor(text.length);
  const frame = drawFrame(version);
  placeData(frame, interleaved(codewords(text, version), version));
  let best = null;
  MASKS.forEach((mask, number) => {
    const rows = masked(frame, mask);
    drawFormat(rows, number);
    const cost = penalty(rows);
    if (best === null || cost < best.cost) best = { cost, rows };
  });
  return best.rows;
}

// --- data

const countBits = (version) => (version < 10 ? 9 : version < 27 ? 11 : 13);
const sizeOf = (version) => 17 + 4 * version;

/** Codewords a version holds: every module that is no pattern, in bytes. */
function capacity(version) {
  const centres = alignment(version).length;
  const aligned = centres ? 25 * (centres * centres - 3) - 10 * Math.max(0, centres - 2) : 0;
  const functions = 3 * 64 + 2 * (sizeOf(version) - 16) + 31 + (version >= 7 ? 36 : 0) + aligned;
  return Math.floor((sizeOf(version) ** 2 - functions) / 8);
}

const dataCapacity = (version) => capacity(version) - EC_OF_BLOCK[version - 1] * BLOCKS[version - 1];

function versionFor(length) {
  const bits = Math.floor(length / 2) * 11 + (length % 2) * 6;
  for (let version = 1; version <= 40; version++) {
    if (4 + countBits(version) + bits <= dataCapacity(version) * 8) return version;
  }
  throw new RangeError("too long for a QR code");
}

function codewords(text, version) {
  const bits = [];
  const put = (value, width) => {
    for (let at = width - 1; at >= 0; at--) bits.push((value >> at) & 1);
  };
  const values = Array.from(text, (character) => ALPHABET.indexOf(character));
  if (values.includes(-1)) throw new RangeError("not alphanumeric");
  put(0b0010, 4);
  put(text.length, countBits(version));
  for (let at = 0; at + 1 < values.length; at += 2) put(values[at] * 45 + values[at + 1], 11);
  if (values.length % 2) put(values[values.length - 1], 6);
  const room = dataCapacity(version) * 8;
  put(0, Math.min(4, room - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: room / 8 }, (_, at) => parseInt(bits.slice(at * 8, at * 8 + 8).join(""), 2));
}

/** Cut into blocks, each with its error correction, and woven together. The later blocks may be one byte longer. */
function interleaved(data, version) {
  const count = BLOCKS[version - 1];
  const correction = EC_OF_BLOCK[version - 1];
  const short = Math.floor(data.length / count);
  const divisor = generator(correction);
  const blocks = [];
  for (let at = 0, number = 0; number < count; number++) {
    const length = short + (number >= count - (data.length % count) ? 1 : 0);
    const bytes = data.slice(at, at + length);
    blocks.push({ bytes, check: remainder(bytes, divisor) });
    at += length;
  }
  const woven = [];
  for (let at = 0; at <= short; at++) for (const { bytes } of blocks) if (at < bytes.length) woven.push(bytes[at]);
  for (let at = 0; at < correction; at++) for (const { check } of blocks) woven.push(check[at]);
  return woven;
}

// --- Reed-Solomon over GF(256), x^8 + x^4 + x^3 + x^2 + 1

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}
const times = (one, other) => (one && other ? EXP[LOG[one] + LOG[other]] : 0);

/** (x - 1)(x - a)..(x - a^(degree-1)) without its leading 1, highest power first. */
function generator(degree) {
  let terms = [1];
  for (let root = 0; root < degree; root++) {
    const next = [...terms, 0];
    terms.forEach((term, at) => (next[at + 1] ^= times(term, EXP[root])));
    terms = next;
  }
  return terms.slice(1);
}

function remainder(bytes, divisor) {
  const rest = new Array(divisor.length).fill(0);
  for (const byte of bytes) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    divisor.forEach((term, at) => (rest[at] ^= times(term, factor)));
  }
  return rest;
}

// --- modules. In a frame: 0 and 1 are patterns that no mask changes, null is room for data.

/** Centres of the alignment patterns, on both axes. */
function alignment(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = sizeOf(version) - 7;
  const step = version === 32 ? 26 : Math.ceil((last - 6) / (count - 1) / 2) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, at) => last - (count - 2 - at) * step)];
}

function drawFrame(version) {
  const size = sizeOf(version);
  const rows = Array.from({ length: size }, () => new Array(size).fill(null));
  for (let at = 0; at < size; at++) rows[6][at] = rows[at][6] = at % 2 === 0 ? 1 : 0;
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]]) {
    square(rows, row, column, 4, (ring) => (ring !== 2 && ring !== 4 ? 1 : 0));
  }
  const centres = alignment(version);
  const last = size - 7;
  for (const row of centres) {
    for (const column of centres) {
      const finder = (row === 6 && (column === 6 || column === last)) || (row === last && column === 6);
      if (!finder) square(rows, row, column, 2, (ring) => (ring !== 1 ? 1 : 0));
    }
  }
  drawFormat(rows, 0); // keeps its place; the real one follows with the mask
  if (version >= 7) drawVersion(rows, version);
  return rows;
}

/** Rings around a centre, as far as they lie in the code. */
function square(rows, row, column, reach, dark) {
  for (let down = -reach; down <= reach; down++) {
    for (let right = -reach; right <= reach; right++) {
      const line = rows[row + down];
      if (line && line[column + right] !== undefined) {
        line[column + right] = dark(Math.max(Math.abs(down), Math.abs(right)));
      }
    }
  }
}

/** The value followed by its BCH remainder of so many bits. */
function checked(value, bits, polynomial) {
  let rest = value;
  for (let at = 0; at < bits; at++) rest = (rest << 1) ^ ((rest >> (bits - 1)) & 1 ? polynomial : 0);
  return (value << bits) | rest;
}

/** Level M is 00, so the five bits are the mask's number. */
function drawFormat(rows, mask) {
  const size = rows.length;
  const bits = checked(mask, 10, 0x537) ^ 0x5412;
  for (let at = 0; at < 15; at++) {
    const bit = (bits >> at) & 1;
    // Around the first finder, then beside the other two.
    if (at < 6) rows[at][8] = bit;
    else if (at < 8) rows[at + 1][8] = bit;
    else if (at === 8) rows[8][7] = bit;
    else rows[8][14 - at] = bit;
    if (at < 8) rows[8][size - 1 - at] = bit;
    else rows[size - 15 + at][8] = bit;
  }
  rows[size - 8][8] = 1;
}

function drawVersion(rows, version) {
  const bits = checked(version, 12, 0x1f25);
  for (let at = 0; at < 18; at++) {
    const [near, far] = [Math.floor(at / 3), rows.length - 11 + (at % 3)];
    rows[near][far] = rows[far][near] = (bits >> at) & 1;
  }
}

/** Up and down in columns of two from the right, leaving out the timing column. Marks data as 2 (light) and 3 (dark). */
function placeData(rows, bytes) {
  const size = rows.length;
  let bit = 0;
  let upwards = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const row = upwards ? size - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (rows[row][column] !== null) continue;
        const dark = bit < bytes.length * 8 ? (bytes[bit >> 3] >> (7 - (bit & 7))) & 1 : 0;
        rows[row][column] = 2 + dark;
        bit++;
      }
    }
    upwards = !upwards;
  }
}

function masked(frame, mask) {
  return frame.map((line, row) =>
    Uint8Array.from(line, (module, column) => (module < 2 ? module : (module - 2) ^ (mask(row, column) ? 1 : 0))),
  );
}

/** The standard's four penalties: the mask with the least is taken. */
function penalty(rows) {
  const size = rows.length;
  const columns = rows.map((_, at) => Uint8Array.from(rows, (line) => line[at]));
  let cost = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.join("");
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) cost += run.length - 2;
    for (const finder of ["00001011101", "10111010000"]) {
      for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) cost += 40;
    }
  }
  let dark = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const module = rows[row][column];
      dark += module;
      if (row && column && module === rows[row - 1][column] && module === rows[row][column - 1]
        && module === rows[row - 1][column - 1]) cost += 3;
    }
  }
  return cost + 10 * Math.floor(Math.abs((dark * 20) / size ** 2 - 10));
}
