import type { IpPrefix } from "../wire/ip-address.ts";

interface Node<T> {
  /** The first `length` bits of the words identify the node. */
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  length: number;
  owner: T | undefined;
  zero: Node<T> | undefined;
  one: Node<T> | undefined;
}

/** IPv4 words are v4-mapped: their prefix bits start after 96 fixed ones. */
const V4_BITS_BEFORE = 96;

/**
 * Which peer owns an address: longest prefix first; a prefix has one owner, the last one that asked (paper §2). A binary
 * trie with paths compressed, one per family, so that `::/0` says nothing about IPv4.
 */
export class AllowedIps<T> {
  #v4: Node<T> | undefined;
  #v6: Node<T> | undefined;

  /** @returns who owned exactly this prefix before */
  insert(prefix: IpPrefix, owner: T): T | undefined {
    const { family, w0, w1, w2, w3 } = prefix.address;
    const length = prefix.length + (family === 4 ? V4_BITS_BEFORE : 0);
    const leaf = masked<T>(w0, w1, w2, w3, length);
    const previous = ownerOf(family === 4 ? this.#v4 : this.#v6, leaf);
    leaf.owner = owner;
    if (family === 4) this.#v4 = insertNode(this.#v4, leaf);
    else this.#v6 = insertNode(this.#v6, leaf);
    return previous;
  }

  /** Takes every prefix of `owner` out. */
  removeOwner(owner: T): void {
    this.#v4 = withoutOwner(this.#v4, owner);
    this.#v6 = withoutOwner(this.#v6, owner);
  }

  lookup(family: 4 | 6, w0: number, w1: number, w2: number, w3: number): T | undefined {
    let node = family === 4 ? this.#v4 : this.#v6;
    let owner: T | undefined;
    while (node !== undefined) {
      if (commonBits(node, w0, w1, w2, w3) < node.length) break;
      if (node.owner !== undefined) owner = node.owner;
      if (node.length === 128) break;
      node = bitAt(node.length, w0, w1, w2, w3) ? node.one : node.zero;
    }
    return owner;
  }
}

/** The owner of the very prefix that `wanted` stands for. */
function ownerOf<T>(root: Node<T> | undefined, wanted: Node<T>): T | undefined {
  let node = root;
  while (node !== undefined && node.length <= wanted.length) {
    if (commonBits(node, wanted.w0, wanted.w1, wanted.w2, wanted.w3) < node.length) return undefined;
    if (node.length === wanted.length) return node.owner;
    node = bitAt(node.length, wanted.w0, wanted.w1, wanted.w2, wanted.w3) ? node.one : node.zero;
  }
  return undefined;
}

function insertNode<T>(root: Node<T> | undefined, leaf: Node<T>): Node<T> {
  if (root === undefined) return leaf;
  const common = Math.min(commonBits(root, leaf.w0, leaf.w1, leaf.w2, leaf.w3), root.length, leaf.length);
  if (common === root.length) {
    if (common === leaf.length) {
      root.owner = leaf.owner;
    } else if (bitAt(common, leaf.w0, leaf.w1, leaf.w2, leaf.w3)) {
      root.one = insertNode(root.one, leaf);
    } else {
      root.zero = insertNode(root.zero, leaf);
    }
    return root;
  }
  const branch = common === leaf.length ? leaf : masked<T>(leaf.w0, leaf.w1, leaf.w2, leaf.w3, common);
  if (bitAt(common, root.w0, root.w1, root.w2, root.w3)) branch.one = root;
  else branch.zero = root;
  if (branch !== leaf) {
    if (bitAt(common, leaf.w0, leaf.w1, leaf.w2, leaf.w3)) branch.one = leaf;
    else branch.zero = leaf;
  }
  return branch;
}

function withoutOwner<T>(node: Node<T> | undefined, owner: T): Node<T> | undefined {
  if (node === undefined) return undefined;
  node.zero = withoutOwner(node.zero, owner);
  node.one = withoutOwner(node.one, owner);
  if (node.owner === owner) node.owner = undefined;
  if (node.owner !== undefined) return node;
  // A node that owns nothing is only worth keeping as a fork.
  if (node.zero === undefined) return node.one;
  if (node.one === undefined) return node.zero;
  return node;
}

function masked<T>(w0: number, w1: number, w2: number, w3: number, length: number): Node<T> {
  return {
    w0: maskWord(w0, length),
    w1: maskWord(w1, length - 32),
    w2: maskWord(w2, length - 64),
    w3: maskWord(w3, length - 96),
    length,
    owner: undefined,
    zero: undefined,
    one: undefined,
  };
}

function maskWord(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

function commonBits<T>(node: Node<T>, w0: number, w1: number, w2: number, w3: number): number {
  const d0 = node.w0 ^ w0;
  if (d0 !== 0) return Math.clz32(d0);
  const d1 = node.w1 ^ w1;
  if (d1 !== 0) return 32 + Math.clz32(d1);
  const d2 = node.w2 ^ w2;
  if (d2 !== 0) return 64 + Math.clz32(d2);
  return 96 + Math.clz32(node.w3 ^ w3);
}

function bitAt(index: number, w0: number, w1: number, w2: number, w3: number): boolean {
  const word = index < 32 ? w0 : index < 64 ? w1 : index < 96 ? w2 : w3;
  return (word & (1 << (31 - (index & 31)))) !== 0;
}
