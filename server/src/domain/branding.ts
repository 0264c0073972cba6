/** How an account's sign-in pages look. Empty: as they look without. */
export interface Branding {
  branding_name: string;
  /** `data:` URL. */
  branding_logo: string;
  /** `#rrggbb` */
  branding_color: string;
}

const MAX_NAME = 64;
/** Every proxy keeps it, and every sign-in page carries it. */
const MAX_LOGO = 24_576;
/** What has to be seen and is no text (WCAG 2.2, 1.4.11). Text on the color is black or white, which always reaches 4.5. */
const MIN_CONTRAST = 3;

/** Types whose files begin so; SVG is none of them, because it may hold more than a picture. */
const images: readonly [type: string, begins: RegExp][] = [
  ["png", /^\x89PNG\r\n\x1a\n/],
  ["jpeg", /^\xff\xd8\xff/],
  ["webp", /^RIFF[\s\S]{4}WEBP/],
];

/** @returns what is wrong, with the setting that it is about */
export function brandingProblem(
  branding: Partial<Branding>,
): { setting: keyof Branding; why: string } | undefined {
  const { branding_name: name = "", branding_logo: logo = "", branding_color: color = "" } = branding;
  if ([...name].length > MAX_NAME) {
    return { setting: "branding_name", why: `the name is longer than ${MAX_NAME} characters` };
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) {
    return { setting: "branding_name", why: "the name has line breaks or control characters" };
  }
  const logoWhy = logo === "" ? undefined : logoProblem(logo);
  if (logoWhy) return { setting: "branding_logo", why: logoWhy };
  const colorWhy = color === "" ? undefined : colorProblem(color);
  return colorWhy ? { setting: "branding_color", why: colorWhy } : undefined;
}

function logoProblem(logo: string): string | undefined {
  if (logo.length > MAX_LOGO) {
    return `the logo has ${logo.length} characters, at most ${MAX_LOGO} are taken: make the picture smaller`;
  }
  const match = /^data:image\/(png|jpeg|webp);base64,([A-Za-z0-9+/]+={0,2})$/.exec(logo);
  if (!match) return "the logo is no data:image/png, image/jpeg or image/webp URL in base64";
  const begins = Buffer.from(match[2]!, "base64").subarray(0, 16).toString("latin1");
  const [, pattern] = images.find(([type]) => type === match[1])!;
  return pattern.test(begins) ? undefined : `the logo says that it is ${match[1]}, and its content is not`;
}

function colorProblem(color: string): string | undefined {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return `${JSON.stringify(color)} is no color such as #1d4ed8`;
  // On the dark page proxies take a lighter shade of it.
  const ratio = contrast(color, "#ffffff");
  if (ratio >= MIN_CONTRAST) return undefined;
  return `${color} can hardly be seen on white: contrast ${ratio.toFixed(1)} to 1, at least ${MIN_CONTRAST} is needed; take a darker one`;
}

/** WCAG 2.2 contrast ratio of two colours, 1 to 21. */
export function contrast(one: string, two: string): number {
  const [lighter, darker] = [luminance(one), luminance(two)].sort((a, b) => b - a) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
