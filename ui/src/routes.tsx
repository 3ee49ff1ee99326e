// Every page and its address. A page is loaded when it is first opened.
import { lazy } from "react";
import { chooseTheme, currentTheme } from "./state/theme";
import type { Route } from "./state/router";
import { ExperimentList } from "./pages/experiments/ExperimentList";

const RunTablePage = lazy(() => import("./pages/runs/RunTablePage"));
const ComparePage = lazy(() => import("./pages/compare/ComparePage"));
const RunPage = lazy(async () => ({ default: (await import("./pages/run/RunPage")).RunPage }));
const ModelList = lazy(async () => ({ default: (await import("./pages/models/ModelList")).ModelList }));
const ModelPage = lazy(async () => ({ default: (await import("./pages/models/ModelPage")).ModelPage }));
const VersionPage = lazy(async () => ({ default: (await import("./pages/models/VersionPage")).VersionPage }));
const CompareVersions = lazy(async () => ({ default: (await import("./pages/models/CompareVersions")).CompareVersions }));
const LoggedModelPage = lazy(async () => ({ default: (await import("./pages/models/LoggedModelPage")).LoggedModelPage }));
const DeploymentList = lazy(async () => ({ default: (await import("./pages/deployments/DeploymentList")).DeploymentList }));
const WebhookList = lazy(async () => ({ default: (await import("./pages/webhooks/WebhookList")).WebhookList }));
const WebhookPage = lazy(async () => ({ default: (await import("./pages/webhooks/WebhookPage")).WebhookPage }));
const SettingsPage = lazy(async () => ({ default: (await import("./pages/settings/SettingsPage")).SettingsPage }));

export const ROUTES: Route[] = [
  { pattern: "", page: ExperimentList },
  { pattern: "experiments", page: ExperimentList },
  { pattern: "experiments/:ids", page: RunTablePage as unknown as Route["page"] },
  { pattern: "compare", page: ComparePage },
  { pattern: "runs/:id", page: RunPage },
  { pattern: "models", page: ModelList },
  { pattern: "models/:name", page: ModelPage },
  { pattern: "models/:name/compare", page: CompareVersions },
  { pattern: "models/:name/:version", page: VersionPage },
  { pattern: "logged-models/:id", page: LoggedModelPage },
  { pattern: "deployments", page: DeploymentList },
  { pattern: "webhooks", page: WebhookList },
  { pattern: "webhooks/:id", page: WebhookPage },
  { pattern: "settings", page: SettingsPage },
];

/** The top bar. `areas`: first segments of the addresses that belong to an item. */
export const NAVIGATION: { label: string; to: string; areas: string[] }[] = [
  { label: "Experiments", to: "experiments", areas: ["experiments", "runs", "compare"] },
  { label: "Models", to: "models", areas: ["models", "logged-models"] },
  { label: "Deployments", to: "deployments", areas: ["deployments"] },
  { label: "Webhooks", to: "webhooks", areas: ["webhooks"] },
  { label: "Settings", to: "settings", areas: ["settings"] },
];

/** What the palette offers besides experiments and runs. */
export const COMMANDS: { label: string; hint?: string; run?: () => void; to?: string }[] = [
  { label: "Switch between dark and light", run: () => chooseTheme(currentTheme() === "dark" ? "light" : "dark") },
];
