/** Length-limited, canonical Huffman codes. */
import { entryAt } from './table.ts';

/** A symbol that occurs, or two joined branches of the code tree. */
interface Node {
  readonly weight: number;
  readonly symbol?: number;
  readonly branches?: readonly [Node, Node];
}

/**
 * Code length of each symbol (0 where it does not occur), at most `maxLength`. At least two symbols must occur.
 * Where the best code would be too long, rare symbols are counted as less rare until it is not.
 */
export function codeLengths(counts: readonly number[], maxLength: number): number[] {
  for (let floor = 1; ; floor *= 2) {
    const lengths = unlimitedLengths(counts.map((count) => (count === 0 ? 0 : Math.max(count, floor))));
    if (Math.max(...lengths) <= maxLength) return lengths;
  }
}

function unlimitedLengths(weights: readonly number[]): number[] {
  const lengths = weights.map(() => 0);
  const pending: { node: Node; depth: number }[] = [{ node: codeTree(weights), depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, depth } = next;
    if (node.symbol !== undefined) lengths[node.symbol] = depth;
    for (const branch of node.branches ?? []) pending.push({ node: branch, depth: depth + 1 });
  }
  return lengths;
}

/** Joins the two lightest nodes until one is left. Joined nodes come out in order of weight, so two queues suffice. */
function codeTree(weights: readonly number[]): Node {
  const leaves: Node[] = weights
    .map((weight, symbol) => ({ weight, symbol }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => a.weight - b.weight || a.symbol - b.symbol);
  const joined: Node[] = [];
  let nextLeaf = 0;
  let nextJoined = 0;
  const takeLightest = (): Node => {
    const leaf = leaves[nextLeaf];
    const branch = joined[nextJoined];
    if (branch === undefined || (leaf !== undefined && leaf.weight <= branch.weight)) {
      nextLeaf++;
      return entryAt(leaves, nextLeaf - 1);
    }
    nextJoined++;
    return branch;
  };
  for (let joins = leaves.length - 1; joins > 0; joins--) {
    const first = takeLightest();
    const second = takeLightest();
    joined.push({ weight: first.weight + second.weight, branches: [first, second] });
  }
  return entryAt(joined, joined.length - 1);
}

/** The code word of each symbol, most significant bit first: shorter before longer, then by symbol (RFC 1951, 3.2.2). */
export function canonicalCodes(lengths: readonly number[]): number[] {
  const codes = lengths.map(() => 0);
  const inOrder = lengths
    .map((length, symbol) => ({ length, symbol }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let previousLength = 0;
  for (const { length, symbol } of inOrder) {
    code <<= length - previousLength;
    codes[symbol] = code++;
    previousLength = length;
  }
  return codes;
}
