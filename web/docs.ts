/** The part of Swagger UI that is used; it is loaded as a separate script. */
interface SwaggerUi {
  preauthorizeApiKey(scheme: string, key: string): void;
}
interface ReactLike {
  createElement(type: unknown, props: object | null): unknown;
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
        (original: unknown, { React }: { readonly React: ReactLike }) =>
        (props: ResponseBodyProps) =>
          props.content instanceof Blob && props.contentType?.startsWith('video/')
            ? React.createElement('video', { controls: true, src: URL.createObjectURL(props.content) })
            : React.createElement(original, props),
    },
  };
}

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
  plugins: [videoPlayer],
  onComplete() {
    if (key === '') return;
    ui.preauthorizeApiKey('apiKey', key);
    ui.preauthorizeApiKey('bearer', key);
  },
});
