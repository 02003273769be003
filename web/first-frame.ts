/** The most that an order accepts. */
const MOST_BYTES = 8 << 20;
const JPEG_QUALITY = 0.92;

/** A picture that was chosen as the first frame. */
export class FirstFrame {
  readonly file: File;
  readonly #bitmap: ImageBitmap;
  readonly width: number;
  readonly height: number;

  private constructor(file: File, bitmap: ImageBitmap) {
    this.file = file;
    this.#bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
  }

  /** Rejects if the file is no picture. */
  static async read(file: File): Promise<FirstFrame> {
    return new FirstFrame(file, await createImageBitmap(file));
  }

  /** `size` is WIDTHxHEIGHT, or null if the server chooses it. */
  fits(size: string | null): boolean {
    const isAsItIs = size === null || size === `${this.width}x${this.height}`;
    return isAsItIs && this.file.size <= MOST_BYTES;
  }

  /** The picture as a data URL: unchanged if it fits, else its middle part in the size of the video. */
  async toDataUrl(size: string | null): Promise<string> {
    return await readAsDataUrl(this.fits(size) ? this.file : await this.#cropped(size));
  }

  async #cropped(size: string | null): Promise<Blob> {
    const [width = this.width, height = this.height] = (size ?? '').split('x').map(Number).filter(Boolean);
    const scale = Math.max(width / this.width, height / this.height);
    const [drawnWidth, drawnHeight] = [this.width * scale, this.height * scale];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser cannot crop pictures');
    context.imageSmoothingQuality = 'high';
    context.fillRect(0, 0, width, height); // JPEG has no transparency
    context.drawImage(this.#bitmap, (width - drawnWidth) / 2, (height - drawnHeight) / 2, drawnWidth, drawnHeight);
    return await new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => (blob === null ? reject(new Error('the picture could not be cropped')) : resolve(blob)),
        'image/jpeg',
        JPEG_QUALITY,
      );
    });
  }
}

function readAsDataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
