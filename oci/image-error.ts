/** Who is at fault: the image, nobody that answers, or who asks without being allowed to. */
export type ImageFault = "image" | "away" | "denied";

/** Thrown for what is wrong with an image, or with where it comes from, in words for whoever deploys it. */
export class ImageError extends Error {
  readonly fault: ImageFault;

  constructor(
    message: string,
    {
      isTemporary = false,
      fault = isTemporary ? "away" : "image",
    }: { isTemporary?: boolean; fault?: ImageFault } = {},
  ) {
    super(message);
    this.fault = fault;
  }

  /** Another try may find it well: the registry is away, or did not send all. */
  get isTemporary(): boolean {
    return this.fault === "away";
  }
}
