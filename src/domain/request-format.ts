import type { ReferenceRole, VideoRequest } from './video.ts';

/**
 * How a server wants a create to be written. The facts are independent of each other. `auto` means
 * the usual way first, then the other one if the server's refusal proves that it could not parse the first.
 */
export interface RequestFormat {
  /** `auto`: a form where a file goes along, else JSON. */
  readonly body: 'auto' | 'json' | 'multipart';
  readonly seconds: 'auto' | 'text' | 'number';
  /** How the address of an image is written: in an object, as it is, or as the JSON text of that object. */
  readonly image: 'auto' | 'object' | 'text' | 'json';
  /** The field of the address. A file is a part `input_reference` of a form, and a data URL in JSON. */
  readonly imageField: string;
  /** Where the fields of `--param` go. */
  readonly extras: 'fields' | 'metadata';
  /** The fields of references; null where the server accepts none of the kind. In a form, files go to `referenceField`. */
  readonly lastFrameField: string | null;
  readonly referenceField: string | null;
  readonly videoField: string | null;
  readonly audioField: string | null;
  /** The field for an address that is notified when the video has ended; null where the server takes none. */
  readonly callbackField: string | null;
}

/** The fields of a format that hold the field names of references. */
export const FIELD_OF_ROLE = {
  last_frame: 'lastFrameField',
  image: 'referenceField',
  video: 'videoField',
  audio: 'audioField',
} as const satisfies Readonly<Record<ReferenceRole, keyof RequestFormat>>;

/** A format without `auto`. */
export interface WrittenFormat extends RequestFormat {
  readonly body: 'json' | 'multipart';
  readonly seconds: 'text' | 'number';
  readonly image: 'object' | 'text' | 'json';
}

export const USUAL_FORMAT: RequestFormat = {
  body: 'auto',
  seconds: 'auto',
  image: 'auto',
  imageField: 'input_reference',
  extras: 'fields',
  lastFrameField: null,
  referenceField: null,
  videoField: null,
  audioField: null,
  callbackField: null,
};

interface FormatFact {
  /** The last parts of the setting's name. */
  readonly setting: string;
  readonly summary: string;
  /** Left out for the name of a field. */
  readonly choices?: readonly string[];
}

/** The facts as settings of a profile. */
export const FORMAT_FACTS: Readonly<Record<keyof RequestFormat, FormatFact>> = {
  body: {
    setting: 'request.body',
    summary: 'body of a create: auto, json or multipart',
    choices: ['auto', 'json', 'multipart'],
  },
  seconds: {
    setting: 'request.seconds',
    summary: 'type of `seconds` in JSON: auto, text or number',
    choices: ['auto', 'text', 'number'],
  },
  image: {
    setting: 'request.image',
    summary: 'how the URL of an image is written: auto, object, text, or json (the object as text)',
    choices: ['auto', 'object', 'text', 'json'],
  },
  imageField: { setting: 'request.image_field', summary: 'field for the URL of an image (default input_reference)' },
  extras: {
    setting: 'request.extras',
    summary: 'where the fields of --param go: fields (beside the others) or metadata',
    choices: ['fields', 'metadata'],
  },
  lastFrameField: { setting: 'request.last_frame_field', summary: 'field for --last-frame (default: none)' },
  referenceField: { setting: 'request.reference_field', summary: 'field for images of --reference (default: none)' },
  videoField: { setting: 'request.video_field', summary: 'field for videos of --reference (default: none)' },
  audioField: { setting: 'request.audio_field', summary: 'field for audio of --reference (default: none)' },
  callbackField: { setting: 'request.callback_field', summary: 'field for the URL of --webhook (default: none)' },
};

const FACT_NAMES = Object.keys(FORMAT_FACTS) as readonly (keyof RequestFormat)[]; // an object's keys are its own

/** The settings for a part of a format. */
export function settingsOfFormat(format: Partial<RequestFormat>): Record<string, string> {
  return Object.fromEntries(
    FACT_NAMES.flatMap((name) => (format[name] ? [[FORMAT_FACTS[name].setting, format[name]]] : [])),
  );
}

/** The format in settings that are already checked. */
export function formatOfSettings(read: (setting: string) => string | undefined): RequestFormat {
  const given = FACT_NAMES.flatMap((name) => {
    const value = read(FORMAT_FACTS[name].setting);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...USUAL_FORMAT, ...Object.fromEntries(given) };
}

/** The format that a request is first sent in. */
export function firstFormat(
  { image, references = [], source }: Pick<VideoRequest, 'image' | 'references' | 'source'>,
  format: RequestFormat,
): WrittenFormat {
  const hasFile = image?.kind === 'file' || references.some(({ source }) => source.kind === 'file');
  const needsForm = source?.video.kind === 'file'; // JSON has no place for the bytes of a video
  return {
    ...format,
    body: needsForm ? 'multipart' : format.body === 'auto' ? (hasFile ? 'multipart' : 'json') : format.body,
    seconds: format.seconds === 'auto' ? 'text' : format.seconds,
    image: format.image === 'auto' ? 'object' : format.image,
  };
}
