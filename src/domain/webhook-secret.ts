/** Whether nothing can be signed or verified with this secret: `whsec_` is only the prefix of one in base64. */
export function isEmptySecret(secret: string): boolean {
  return secret === '' || secret === 'whsec_';
}
