// The line a phone shows for a pass at an instant: as proto/paifang/rotating.py makes it, byte for byte.

import { encode } from "./base45.js";
import { blake2b } from "./blake2b.js";

export const STEP_MS = 15_000;
const TAG = new TextEncoder().encode("paifang/rotating/code/1\0");
const CODE_BYTES = 8;

export const stepAt = (nowMs) => Math.floor(nowMs / STEP_MS);

/** @param {string} hex @returns {Uint8Array} */
export function bytes(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** A pass that does not rotate has no key and always the same line. */
export function line(raw, key, step) {
  if (key === null) return "PF1:" + encode(raw);
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, step, true);
  const code = blake2b(join(TAG, number), key, CODE_BYTES);
  return "PR1:" + encode(join(raw, number, code));
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
