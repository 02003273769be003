/** The candidates closest to a text: those that begin with it, else those within a few typing errors. */
export function nearest(text: string, candidates: Iterable<string>): string[] {
  const wanted = plain(text);
  if (wanted === '') return [];
  const scored = [...candidates].map((candidate) => ({ candidate, score: scoreOf(wanted, plain(candidate)) }));
  const best = Math.min(...scored.map(({ score }) => score));
  return best > 2 ? [] : scored.filter(({ score }) => score === best).map(({ candidate }) => candidate);
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function scoreOf(wanted: string, candidate: string): number {
  if (wanted === candidate) return 0;
  if (wanted.length > 2 && candidate.startsWith(wanted)) return 0.5;
  const errors = typingErrors(wanted, candidate);
  return errors <= Math.min(2, Math.floor(candidate.length / 3)) ? errors : Number.POSITIVE_INFINITY;
}

/** Letters that are missing, too many, wrong or swapped. */
function typingErrors(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, at) => [at]);
  for (let column = 0; column <= b.length; column++) (rows[0] as number[])[column] = column;
  const cost = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row++) {
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      (rows[row] as number[])[column] = Math.min(
        cost(row - 1, column) + 1,
        cost(row, column - 1) + 1,
        cost(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwapped ? cost(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return cost(a.length, b.length);
}
