import { MultipartParseError, type MultipartPart, parseMultipart } from '@remix-run/multipart-parser';
import { MAX_BODY_BYTES } from './body-intake.ts';
import { HttpError } from './handler.ts';

/** A field or file of a form. */
export interface FormPart {
  readonly name: string;
  /** Lower case, without parameters; empty where there is none. */
  readonly mimeType: string;
  readonly isFile: boolean;
  /** The encoding of a text. */
  readonly charset: string;
  /** As the client names it; null where it does not. */
  readonly filename: string | null;
  readonly bytes: Uint8Array;
}

/** Far more than any client sends; reading a form takes time for each of its parts. */
const LIMITS = {
  maxParts: 100,
  maxHeaderSize: 2_048,
  maxFileSize: MAX_BODY_BYTES,
  maxTotalSize: MAX_BODY_BYTES,
};
/** A boundary has at most 70 characters (RFC 2046 §5.1.1). */
const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))(?=[\s;]|$)/i;
const CHARSET = /;\s*charset="?([^\s;"]+)/i;
const LF = 0x0a;

/** Reads multipart/form-data. Throws a 400 for a malformed form and for one with too many or too large parts. */
export function readForm(contentType: string, body: Uint8Array): FormPart[] {
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed('the content type has no valid boundary');
  try {
    return Array.from(parseMultipart(canonicalForm(body, `--${boundary}`), { boundary, ...LIMITS }), toFormPart);
  } catch (error) {
    if (error instanceof MultipartParseError) throw malformed(error.message);
    if (error instanceof TypeError) throw malformed('the headers of a part are not UTF-8');
    throw error;
  }
}

/** Without a preamble, and with CRLF where a client ends its lines with LF alone, as the parser requires. */
function canonicalForm(body: Uint8Array, delimiter: string): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const hasPreamble = bytes.indexOf(delimiter) !== 0;
  const form = hasPreamble ? bytes.subarray(bytes.indexOf(`\n${delimiter}`) + 1) : bytes;
  if (form[delimiter.length] !== LF) return form;
  const parts = form.toString('latin1').split(`\n${delimiter}`, LIMITS.maxParts + 2); // one more than allowed, and the end
  return Buffer.from(parts.map(withCrlf).join(`\r\n${delimiter}`), 'latin1');
}

function withCrlf(part: string): string {
  const end = part.indexOf('\n\n');
  if (end === -1 || end > LIMITS.maxHeaderSize) return part; // the end of the form, or not a part that is accepted
  return `${part.slice(0, end).replaceAll('\n', '\r\n')}\r\n\r\n${part.slice(end + 2)}`;
}

/** A part with a media type counts as a file, because some clients send no file name. */
function toFormPart({ name, mediaType = '', headers, isFile, filename, bytes }: MultipartPart): FormPart {
  if (name === undefined) throw malformed('a part has no name');
  const mimeType = mediaType.toLowerCase();
  return {
    name,
    mimeType,
    charset: CHARSET.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8',
    isFile: isFile || /^(image|video|audio)\//.test(mimeType),
    filename: filename ?? null,
    bytes,
  };
}

/** The text of a part. Throws a 400 for an unknown encoding. */
export function textOfPart({ bytes, charset }: FormPart): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    throw malformed(`the charset ${charset.slice(0, 40)} is not supported`);
  }
}

function malformed(reason: string): HttpError {
  return new HttpError({ status: 400, message: `The multipart body could not be parsed: ${reason}` });
}
