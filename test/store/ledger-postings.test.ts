import { describe, expect, it } from 'vitest';
import { Postings } from '../../src/store/ledger-postings.ts';

describe('postings', () => {
  it('are found from last to first, in any number, and again from a copy of their columns', () => {
    const postings = new Postings();
    const sameBucket = 1 << 16;
    for (let line = 0; line < 50_000; line++) postings.add(line % 10_000 === 5 ? 7 : 7 + sameBucket, line);
    const columns = postings.columns().map((column) => column.slice());
    const copy = new Postings(postings.length, (column) => column.set(columns.shift() ?? []));
    copy.add(7, 50_000);

    expect([...postings.find(7)]).toEqual([40_005, 30_005, 20_005, 10_005, 5]);
    expect([...copy.find(7)]).toEqual([50_000, 40_005, 30_005, 20_005, 10_005, 5]);
    expect([...copy.find(8)]).toEqual([]);
  });
});
