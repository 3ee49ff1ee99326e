import { describe, expect, it } from "vitest";
import { extent, nearest, padded, smoothed, ticks } from "./scale";
import { correlationRatio, importances, spearman } from "./stats";

describe("scales", () => {
  it("leave out what is no number", () => {
    expect(extent([NaN, null, 2, -1, undefined, Infinity])).toEqual([-1, 2]);
    expect(extent([NaN])).toBeNull();
  });
  it("give a single value some room", () => {
    const [low, high] = padded([5, 5]);
    expect(low).toBeLessThan(5);
    expect(high).toBeGreaterThan(5);
    expect(padded([1, 100], 0.5, true)).toEqual([0.1, 1000]);
  });
  it("tick at round numbers", () => {
    expect(ticks([0, 1])).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([-30, 70], 4)).toEqual([-25, 0, 25, 50]);
    expect(ticks([3, 3])).toEqual([3]);
  });
  it("find the nearest place", () => {
    expect([-1, 0.4, 0.6, 9].map((one) => nearest([0, 1, 2], one))).toEqual([0, 0, 1, 2]);
  });
});

describe("smoothing", () => {
  it("begins at the first value and keeps a constant", () => {
    expect(smoothed([3, 3, 3], 0.9).map((one) => Number(one.toFixed(9)))).toEqual([3, 3, 3]);
    expect(smoothed([1, 5], 0.5)[0]).toBe(1);
    expect(smoothed([1, 5], 0)).toEqual([1, 5]);
  });
  it("passes over NaN", () => {
    const [, nan, last] = smoothed([1, NaN, 1], 0.5);
    expect(nan).toBeNaN();
    expect(last).toBe(1);
  });
});

describe("importance", () => {
  it("finds what matters and what does not", () => {
    const rows = Array.from({ length: 60 }, (_, n) => n);
    const found = importances(
      {
        lr: rows.map((n) => String(n / 10)),
        model: rows.map((n) => (n % 2 ? "a" : "b")),
        same: rows.map(() => "x"),
        noise: rows.map((n) => String((n * 37) % 11)),
      },
      rows.map((n) => n * 2 + (n % 2)),
    );
    expect(found[0]!.key).toBe("lr");
    expect(found[0]!.share).toBeGreaterThan(0.9);
    expect(found[0]!.trend).toBeGreaterThan(0.99);
    expect(found.map((one) => one.key)).not.toContain("same");
    expect(found.find((one) => one.key === "model")!.share).toBeLessThan(0.1);
  });
  it("ranks ties alike", () => {
    expect(spearman([1, 1, 2], [5, 5, 9])).toBeCloseTo(1);
    expect(spearman([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
  });
  it("is nothing where groups agree by chance", () => {
    expect(correlationRatio([["a", 1], ["b", 1], ["a", 1], ["b", 1]])).toBe(0);
  });
});
