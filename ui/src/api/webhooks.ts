import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { sayError } from "../state/toasts";
import { call } from "./client";
import type { Webhook, WebhookEvent } from "./schema";

export function useWebhooks() {
  return useQuery({
    queryKey: ["webhooks"],
    queryFn: async ({ signal }) => (await call("webhooks.list_webhooks", { max_results: 1000, all: true }, signal)).webhooks ?? [],
  });
}

export function useWebhook(id: string) {
  return useQuery({
    queryKey: ["webhooks", id],
    queryFn: async ({ signal }) => (await call("webhooks.get", { webhook_id: id }, signal)).webhook,
  });
}

/** What was sent to a webhook, newest first; looked at again while the page is open, since deliveries happen by themselves. */
export function useDeliveries(id: string) {
  return useQuery({
    queryKey: ["webhooks", id, "deliveries"],
    refetchInterval: 5000,
    queryFn: async ({ signal }) => (await call("webhooks.list_deliveries", { webhook_id: id, max_results: 100 }, signal)).deliveries ?? [],
  });
}

export function useWebhookChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSuccess: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
    onError: sayError,
  });
}

/** Kinds of events that a webhook may ask for, and MLflow's name of those that MLflow has. */
export const KINDS: { kind: string; label: string; event?: WebhookEvent }[] = [
  { kind: "registered_model.created", label: "Model created", event: { entity: "REGISTERED_MODEL", action: "CREATED" } },
  { kind: "model_version.created", label: "Version created", event: { entity: "MODEL_VERSION", action: "CREATED" } },
  { kind: "model_version_alias.created", label: "Alias set", event: { entity: "MODEL_VERSION_ALIAS", action: "CREATED" } },
  { kind: "model_version_alias.deleted", label: "Alias removed", event: { entity: "MODEL_VERSION_ALIAS", action: "DELETED" } },
  { kind: "model_version_tag.set", label: "Version tagged", event: { entity: "MODEL_VERSION_TAG", action: "SET" } },
  { kind: "model_version_tag.deleted", label: "Version's tag removed", event: { entity: "MODEL_VERSION_TAG", action: "DELETED" } },
  { kind: "model_version_alias.moved", label: "Alias moved" },
  { kind: "model_version.stage_changed", label: "Stage changed" },
  { kind: "model_version.deleted", label: "Version deleted" },
  { kind: "approval.asked", label: "Approval asked for" },
  { kind: "approval.granted", label: "Approval granted" },
  { kind: "approval.refused", label: "Approval refused" },
  { kind: "run.finished", label: "Run finished" },
  { kind: "run.failed", label: "Run failed" },
  { kind: "deployment.changed", label: "Deployment changed" },
];

/** The chosen kinds in the two fields that a webhook has for them. */
export function chosen(kinds: ReadonlySet<string>): { events: WebhookEvent[]; kinds: string[] } {
  const picked = KINDS.filter((one) => kinds.has(one.kind));
  return { events: picked.flatMap((one) => (one.event ? [one.event] : [])), kinds: picked.filter((one) => !one.event).map((one) => one.kind) };
}

/** What a webhook listens to, as people read it. */
export function listensTo(webhook: Webhook): string[] {
  const names = (webhook.events ?? []).map((event) => KINDS.find((one) => one.event?.entity === event.entity && one.event?.action === event.action)?.label ?? `${event.entity} ${event.action}`);
  const ours = (webhook.kinds ?? []).map((kind) => KINDS.find((one) => one.kind === kind)?.label ?? kind);
  const rules = (webhook.rules ?? []).map((rule) => `${rule.key} ${rule.comparison} ${rule.value}`);
  return [...names, ...ours, ...rules];
}
