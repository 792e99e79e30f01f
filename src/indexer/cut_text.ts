/** At most `characters` UTF-16 units, and never half a surrogate pair. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const last = text.charCodeAt(characters - 1);
  const halved = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, halved ? characters - 1 : characters);
}
