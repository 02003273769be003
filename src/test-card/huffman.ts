/** Length-limited, canonical Huffman codes. */

/**
 * Code length of each symbol (0 if it does not occur), at most `maxLength`. At least two symbols must occur.
 * If the best code is too long, rare symbols are counted as less rare until it is not.
 */
export function codeLengths(counts: readonly number[], maxLength: number): number[] {
  for (let floor = 1; ; floor *= 2) {
    const lengths = unlimitedLengths(counts.map((count) => (count === 0 ? 0 : Math.max(count, floor))));
    if (Math.max(...lengths) <= maxLength) return lengths;
  }
}

/** Joins the two lightest groups of symbols until one is left; each join makes the codes of their symbols one bit longer. */
function unlimitedLengths(weights: readonly number[]): number[] {
  const lengths = weights.map(() => 0);
  let groups = weights.flatMap((weight, symbol) => (weight === 0 ? [] : [{ weight, symbols: [symbol] }]));
  for (;;) {
    const [first, second, ...others] = groups.sort((a, b) => a.weight - b.weight);
    if (first === undefined || second === undefined) return lengths;
    const symbols = [...first.symbols, ...second.symbols];
    for (const symbol of symbols) lengths[symbol] = (lengths[symbol] ?? 0) + 1;
    groups = [...others, { weight: first.weight + second.weight, symbols }];
  }
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
