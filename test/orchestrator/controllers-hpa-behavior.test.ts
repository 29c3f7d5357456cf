import { expect, test } from "vitest";
import { allow } from "../../orchestrator/controllers/horizontal-pod-autoscaler/behavior.ts";
import { noHistory, type History } from "../../orchestrator/controllers/horizontal-pod-autoscaler/history.ts";
import { NOW } from "./objects.ts";
import { behavior } from "./autoscaler-behavior.ts";

const recommended = (...list: readonly (readonly [ago: number, replicas: number])[]): History => ({
  recommendations: list.map(([ago, replicas]) => ({ at: NOW - ago * 1000, replicas })),
  changes: [],
});

const changed = (...list: readonly (readonly [ago: number, change: number])[]): History => ({
  recommendations: [],
  changes: list.map(([ago, change]) => ({ at: NOW - ago * 1000, change })),
});

const pods = (value: number, periodSeconds = 60): object => ({ type: "Pods", value, periodSeconds });

const percent = (value: number, periodSeconds = 60): object => ({ type: "Percent", value, periodSeconds });

interface Pace {
  readonly name: string;
  readonly current: number;
  readonly desired: number;
  readonly up?: object;
  readonly down?: object;
  readonly plain?: true;
  readonly history?: History;
  readonly want: readonly [replicas: number, able: string, limited: string];
}

const paces: readonly Pace[] = [
  {
    name: "without a behavior waits five minutes before it shrinks",
    plain: true,
    current: 8,
    desired: 2,
    history: recommended([299, 7], [301, 9]),
    want: [7, "ScaleDownStabilized", "DesiredWithinRange"],
  },
  {
    name: "without a behavior shrinks when five minutes have passed",
    plain: true,
    current: 8,
    desired: 2,
    history: recommended([301, 9]),
    want: [2, "ReadyForNewScale", "DesiredWithinRange"],
  },
  {
    name: "waits five minutes when the window of scaleDown is not said",
    current: 8,
    desired: 2,
    history: recommended([200, 8]),
    want: [8, "ScaleDownStabilized", "DesiredWithinRange"],
  },
  {
    name: "shrinks at once with a window of nothing",
    current: 8,
    desired: 2,
    down: { stabilizationWindowSeconds: 0 },
    history: recommended([1, 8]),
    want: [2, "ReadyForNewScale", "DesiredWithinRange"],
  },
  {
    name: "grows only as far as it was recommended throughout the window",
    current: 2,
    desired: 8,
    up: { stabilizationWindowSeconds: 60 },
    history: recommended([30, 4], [90, 3]),
    want: [4, "ScaleUpStabilized", "DesiredWithinRange"],
  },
  { name: "takes the largest of the policies", current: 10, desired: 40, want: [20, "ReadyForNewScale", "ScaleUpLimit"] },
  { name: "takes the smallest when asked to", current: 10, desired: 40, up: { selectPolicy: "Min" }, want: [14, "ReadyForNewScale", "ScaleUpLimit"] },
  { name: "does not grow when growth is disabled", current: 10, desired: 40, up: { selectPolicy: "Disabled" }, want: [10, "ReadyForNewScale", "ScaleUpLimit"] },
  {
    name: "does not shrink when shrinking is disabled",
    current: 10,
    desired: 4,
    down: { selectPolicy: "Disabled", stabilizationWindowSeconds: 0 },
    want: [10, "ReadyForNewScale", "ScaleDownLimit"],
  },
  {
    name: "counts what it added within the period",
    current: 8,
    desired: 40,
    up: { policies: [pods(4)] },
    history: changed([30, 3], [70, 2]),
    want: [9, "ReadyForNewScale", "ScaleUpLimit"],
  },
  {
    name: "counts what it removed within the period",
    current: 6,
    desired: 1,
    down: { stabilizationWindowSeconds: 0, policies: [pods(4)] },
    history: changed([30, -3]),
    want: [5, "ReadyForNewScale", "ScaleDownLimit"],
  },
  {
    name: "waits when the period is used up",
    current: 8,
    desired: 40,
    up: { policies: [pods(4)] },
    history: changed([30, 5]),
    want: [8, "ReadyForNewScale", "ScaleUpLimit"],
  },
  { name: "rounds a share up when it grows", current: 5, desired: 40, up: { policies: [percent(10)] }, want: [6, "ReadyForNewScale", "ScaleUpLimit"] },
  {
    name: "rounds a share down to what stays when it shrinks",
    current: 5,
    desired: 1,
    down: { stabilizationWindowSeconds: 0, policies: [percent(10)] },
    want: [4, "ReadyForNewScale", "ScaleDownLimit"],
  },
  { name: "stops at the maximum", current: 45, desired: 60, want: [50, "ReadyForNewScale", "TooManyReplicas"] },
  { name: "stops at the minimum", current: 5, desired: 1, down: { stabilizationWindowSeconds: 0 }, want: [2, "ReadyForNewScale", "TooFewReplicas"] },
];

test.each(paces)("a behavior $name", ({ current, desired, up = {}, down = {}, plain, history = noHistory, want }) => {
  const given = plain === true ? undefined : behavior({ scaleUp: up, scaleDown: down });
  const { replicas, conditions } = allow({ current, desired, min: 2, max: 50, behavior: given, history, now: NOW });
  const [able, limited] = conditions;
  expect([replicas, able?.reason, limited?.reason]).toEqual(want);
  expect(limited?.status).toBe(limited?.reason === "DesiredWithinRange" ? "False" : "True");
});
