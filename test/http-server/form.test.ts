import { describe, expect, it } from 'vitest';
import { type FormPart, readForm, textOfPart } from '../../src/http-server/form.ts';

const BOUNDARY = '4b39ed14-752b-480a';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const FIELDS = { model: 'sora-2', prompt: 'a cat\nand a "dog"' };

function part(disposition: string, value = 'x', end = '\r\n'): string {
  return `--${BOUNDARY}${end}Content-Disposition: ${disposition}${end}${end}${value}${end}`;
}

function form(disposition: (name: string) => string, end = '\r\n'): string {
  const parts = Object.entries(FIELDS).map(([name, value]) => part(disposition(name), value, end));
  return `${parts.join('')}--${BOUNDARY}--${end}`;
}

const quoted = (name: string): string => `form-data; name="${name}"`;

function read(body: string | Uint8Array, type = TYPE): FormPart[] {
  return readForm(type, typeof body === 'string' ? Buffer.from(body) : body);
}

function fieldsOf(parts: readonly FormPart[]): Record<string, string> {
  return Object.fromEntries(parts.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]));
}

describe('a form', () => {
  it.each([
    ['quoted names', form(quoted), TYPE],
    [
      'unquoted names and a quoted boundary, as .NET writes them',
      form((name) => `form-data; name=${name}`),
      `multipart/form-data; boundary="${BOUNDARY}"`,
    ],
    ['a preamble and an epilogue', `This is a multi-part message.\r\n${form(quoted)}epilogue\r\n`, TYPE],
    [
      'different case and no spaces',
      form((name) => `Form-Data;NAME="${name}"`)
        .replaceAll('Content-', 'CONTENT-')
        .replaceAll('NAME', 'name'),
      `Multipart/Form-Data;Boundary=${BOUNDARY}`,
    ],
    ['other parameters', form((name) => `form-data; charset=utf-8; name="${name}"`), `${TYPE}; charset=UTF-8`],
    ['LF as line end', form(quoted, '\n'), TYPE],
    ['LF and a preamble', `preamble\n${form(quoted, '\n')}`, TYPE],
    ['no line end after the last delimiter', form(quoted).trimEnd(), TYPE],
  ])('with %s is read', (_, body, type) => {
    expect(fieldsOf(read(body, type))).toEqual(FIELDS);
  });

  it.each([
    ['text/plain; charset=ISO-8859-1', 'latin1'],
    ['text/plain;charset="utf-16le"', 'utf16le'],
    ['text/plain; charset=UTF-8', 'utf8'],
    ['text/plain', 'utf8'],
  ] as const)('decodes a field of type %s', (type, encoding) => {
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="p"\r\nContent-Type: ${type}\r\n\r\n`;
    const end = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
    const parts = read(Buffer.concat([Buffer.from(head), Buffer.from('Häuser', encoding), end]));
    expect(parts.map(textOfPart)).toEqual(['Häuser']);
  });

  it('refuses a charset that is not known', () => {
    const [field] = read(`${part('form-data; name="p"\r\nContent-Type: text/plain; charset=x-none')}--${BOUNDARY}--`);
    expect(() => field && textOfPart(field)).toThrow('the charset x-none is not supported');
  });

  it('keeps the bytes of a file, even when only its media type marks it as one', () => {
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, i) => (i * 7) % 256));
    for (const disposition of ['form-data; name="f"; filename="a.png"', 'form-data; name="f"']) {
      const head = `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\nContent-Type: Image/PNG; q=1\r\n\r\n`;
      const [file] = read(Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]));
      expect(file).toMatchObject({ name: 'f', isFile: true, mimeType: 'image/png' });
      expect(bytes.equals(file?.bytes ?? Buffer.of())).toBe(true);
    }
  });

  it.each<[string, string | Uint8Array, string]>([
    ['is cut off', form(quoted).slice(0, -20), TYPE],
    ['has no boundary', form(quoted), 'multipart/form-data'],
    ['has a boundary of more than 70 characters', form(quoted), `multipart/form-data; boundary=${'b'.repeat(71)}`],
    ['has another boundary', form(quoted), 'multipart/form-data; boundary=other'],
    ['has a part without a name', `${part('form-data')}--${BOUNDARY}--`, TYPE],
    [
      'has a name in another character set',
      Buffer.from(`${part('form-data; name="é"')}--${BOUNDARY}--`, 'latin1'),
      TYPE,
    ],
    ['has long headers', `${part(`form-data; name="${'n'.repeat(3_000)}"`)}--${BOUNDARY}--`, TYPE],
    ['has more than 100 parts', `${part(quoted('a')).repeat(101)}--${BOUNDARY}--`, TYPE],
  ])('that %s is refused with a 400', (_, body, type) => {
    const refusal = { details: { status: 400, message: expect.stringMatching(/^The multipart body could not/) } };
    expect(() => read(body, type)).toThrow(expect.objectContaining(refusal));
  });

  it.each<[string, (size: number) => string | Uint8Array, string]>([
    [
      'many nested fields',
      (size) => Array.from({ length: size / 80 }, (_, k) => part(quoted(`a[${k}]`))).join(''),
      TYPE,
    ],
    [
      'almost a delimiter, again and again',
      (size) => Buffer.alloc(size, 'a'),
      `${TYPE.slice(0, -18)}${'a'.repeat(70)}`,
    ],
    ['headers without an end', (size) => Buffer.alloc(size, `--${BOUNDARY}\r\na: b`), TYPE],
    ['parameters without an end', (size) => part(`form-data; ${'a="\\;'.repeat(300)}`).repeat(size / 1_600), TYPE],
    ['lines in LF', (size) => `--${BOUNDARY}\n${'a\n'.repeat(size / 2)}`, TYPE],
    ['empty lines in LF', (size) => Buffer.alloc(size, `--${BOUNDARY}\n\n\n`), TYPE],
    ['a content type of semicolons', () => part(quoted('a')), `multipart/form-data${'; '.repeat(16_000)}`],
  ])('with %s is refused in linear time', (_, bodyOf, type) => {
    const body = bodyOf(4 << 20);
    const startedMs = performance.now();
    expect(() => read(body, type)).toThrow();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
