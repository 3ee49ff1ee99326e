// A colour for each run: given in the order in which runs are first seen, so that few runs never share one.
const HUES = [
  "#2a7fd4", "#e0662f", "#2c9c62", "#c0426e", "#8163c9", "#b58a14", "#18a2a8", "#cf4a3f", "#5a8f29", "#a055a8",
  "#4a6fe0", "#d98324", "#3b8f8a", "#e0558f", "#6f7b2e", "#9b6b43", "#5b9bd5", "#b5485a", "#45a85f", "#7d7fd8",
];
const given = new Map<string, number>();

/** The colour of a run or of anything else that is drawn as a line. */
export function colorOf(id: string): string {
  let place = given.get(id);
  if (place === undefined) {
    place = given.size;
    given.set(id, place);
  }
  return HUES[place % HUES.length]!;
}
