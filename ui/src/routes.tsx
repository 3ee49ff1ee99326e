// Every page and its address. A page is loaded when it is first opened.
import { lazy } from "react";
import { chooseTheme, currentTheme } from "./state/theme";
import type { Route } from "./state/router";
import { ExperimentList } from "./pages/experiments/ExperimentList";

const RunPage = lazy(async () => ({ default: (await import("./pages/run/RunPage")).RunPage }));

const RunTablePage = lazy(() => import("./pages/runs/RunTablePage"));
const ComparePage = lazy(() => import("./pages/compare/ComparePage"));

export const ROUTES: Route[] = [
  { pattern: "", page: ExperimentList },
  { pattern: "experiments", page: ExperimentList },
  { pattern: "runs/:id", page: RunPage },
  { pattern: "experiments/:ids", page: RunTablePage as unknown as Route["page"] },
  { pattern: "compare", page: ComparePage },
];

/** The top bar. `areas`: first segments of the addresses that belong to an item. */
export const NAVIGATION: { label: string; to: string; areas: string[] }[] = [
  { label: "Experiments", to: "experiments", areas: ["experiments", "runs", "compare"] },
];

/** What the palette offers besides experiments and runs. */
export const COMMANDS: { label: string; hint?: string; run?: () => void; to?: string }[] = [
  { label: "Switch between dark and light", run: () => chooseTheme(currentTheme() === "dark" ? "light" : "dark") },
];
