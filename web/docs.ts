/** The part of Swagger UI that is used; it is loaded as a separate script. */
interface SwaggerUi {
  preauthorizeApiKey(scheme: string, key: string): void;
}
interface ReactLike {
  readonly Fragment: unknown;
  createElement(type: unknown, props: object | null, ...children: unknown[]): unknown;
}
interface System {
  readonly React: ReactLike;
}
interface ResponseBodyProps {
  readonly contentType?: string;
  readonly content?: unknown;
}
declare const SwaggerUIBundle: (options: object) => SwaggerUi;

/** Swagger UI plays audio and shows images, but only offers to download a video. */
function videoPlayer(): object {
  return {
    wrapComponents: {
      responseBody:
        (original: unknown, { React }: System) =>
        (props: ResponseBodyProps) =>
          props.content instanceof Blob && props.contentType?.startsWith('video/')
            ? React.createElement('video', { controls: true, src: URL.createObjectURL(props.content) })
            : React.createElement(original, props),
    },
  };
}

/** Fixes what assistive tools cannot use: links inside buttons, text outside of landmarks, and a skipped level of headings. */
function accessibleStructure(): object {
  return {
    wrapComponents: {
      DeepLink:
        (_: unknown, { React }: System) =>
        ({ text }: { readonly text: string }) =>
          React.createElement('span', null, text),
      InfoContainer:
        (original: unknown, { React }: System) =>
        (props: object) =>
          React.createElement('section', { 'aria-label': 'About' }, React.createElement(original, props)),
      operations:
        (original: unknown, { React }: System) =>
        (props: object) =>
          React.createElement(
            React.Fragment,
            null,
            React.createElement('h2', { className: 'visually-hidden' }, 'Operations'),
            React.createElement(original, props),
          ),
    },
  };
}

/** Names the fields of an opened operation, and makes its examples scroll with the keyboard. */
function nameParts(): void {
  const unnamed = 'tr[data-param-name] :is(input, select, textarea):not([aria-label])';
  for (const field of document.querySelectorAll(unnamed))
    field.ariaLabel = field.closest('tr')?.dataset.paramName ?? null;
  for (const file of document.querySelectorAll('input[type="file"]:not([aria-label])')) file.ariaLabel = 'File';
  for (const body of document.querySelectorAll('.body-param textarea:not([aria-label])'))
    body.ariaLabel = 'Request body';
  for (const example of document.querySelectorAll<HTMLElement>('pre.microlight:not([tabindex])')) example.tabIndex = 0;
  for (const table of document.querySelectorAll('[id$="_responses"][role="region"]:not([data-named])')) {
    table.setAttribute('data-named', '');
    table.removeAttribute('aria-labelledby');
    table.ariaLabel = `Responses ${table.id}`;
  }
}
new MutationObserver(nameParts).observe(document.documentElement, { childList: true, subtree: true });

const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = (): void => {
  document.documentElement.classList.toggle('dark-mode', dark.matches);
};
dark.addEventListener('change', followScheme);
followScheme();

const key = document.querySelector<HTMLMetaElement>('meta[name="demo-key"]')?.content ?? '';
const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [videoPlayer, accessibleStructure],
  onComplete() {
    if (key === '') return;
    ui.preauthorizeApiKey('apiKey', key);
    ui.preauthorizeApiKey('bearer', key);
  },
});
