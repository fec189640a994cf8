// Drawn on a 16 px grid with a 1.5 px stroke, in the colour of the text around them.
const paths = {
  tide: "M1.5 5.750c2.2 0 2.2 1.75 4.35 1.750S8 5.75 10.15 5.750s2.15 1.75 4.35 1.750M1.5 9.750c2.2 0 2.2 1.75 4.35 1.750S8 9.75 10.15 9.750s2.15 1.75 4.35 1.75",
  sun: "M8 5.250a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.500M8 1.250v1.250M8 13.500v1.250M1.25 8H2.500M13.5 8h1.250M3.25 3.250l.9.9M11.85 11.850l.9.9M12.75 3.250l-.9.9M4.15 11.850l-.9.9",
  moon: "M13.25 9.500A5.5 5.5 0 0 1 6.5 2.750a5.5 5.5 0 1 0 6.75 6.75",
  auto: "M2 3.250h12v7.500H2zM6 13.250h4M8 10.750v2.5",
  copy: "M5.75 5.750h7.500v7.500h-7.500zM3.25 10.250h-.5v-7.500h7.500v.5",
  check: "M3 8.500l3.25 3.250L13 4.75",
  back: "M9.75 3.500L5.25 8l4.5 4.5",
  up: "M8 13V3.500M4 7.250l4-4 4 4",
  filter: "M2 4h12M4.5 8h7M6.75 12h2.5",
  ok: "M4.75 8.250l2.25 2.25 4.25-4.750M8 1.750a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5",
  error: "M5.75 5.750l4.5 4.500M10.25 5.750l-4.5 4.500M8 1.750a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5",
  truncated: "M8 5v3.500M8 10.900v.2M8 1.750L15 14H1z",
  canceled: "M5 8h6M8 1.750a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5",
  none: "M5 8h6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
