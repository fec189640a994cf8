/** copy puts text on the clipboard. Browsers offer the clipboard's API only on https and loopback; elsewhere the old way works. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy"); // eslint-disable-line @typescript-eslint/no-deprecated
    area.remove();
    return done;
  }
}
