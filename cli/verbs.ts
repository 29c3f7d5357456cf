/** The table of verbs: each is one file under commands/, loaded only when it is called. */
import type { Command } from "commander";
import type { Context } from "./context.ts";

export interface Verb {
  readonly summary: string;
  readonly group: "build" | "images" | "registry" | "containers" | "cluster" | "system";
  /** Takes the words that follow the verb. */
  readonly load: (words: readonly string[]) => Promise<{ readonly command: (context: Context) => Command }>;
  /** It needs no right over containers or images: an ordinary user runs it as they are, the others in a user namespace. */
  readonly asUser?: boolean;
  /** Not listed by --help. */
  readonly hidden?: boolean;
}

export const VERBS: Readonly<Record<string, Verb>> = {
  build: { summary: "Build an image from a Dockerfile", group: "build", load: async () => await import("./commands/build.ts") },
  builder: { summary: "Look after the build cache and cache mounts", group: "build", load: async () => await import("./commands/builder.ts") },
  base: { summary: "Make a base image from this machine's own programs", group: "images", load: async () => await import("./commands/base.ts") },
  doctor: {
    summary: "Say what this machine lacks and the command that mends it",
    group: "system",
    asUser: true,
    load: async () => await import("./commands/doctor.ts"),
  },
  attach: { summary: "Join a running container's streams", group: "containers", load: async () => await import("./commands/attach.ts") },
  commit: { summary: "Make an image of a container's changes", group: "containers", load: async () => await import("./commands/commit.ts") },
  container: {
    summary: "The verbs of containers, and prune",
    group: "containers",
    load: async (words) => await (await import("./commands/container.ts")).loadContainerGroup(words),
  },
  cp: { summary: "Copy files between a container and this machine", group: "containers", load: async () => await import("./commands/cp.ts") },
  create: { summary: "Create a container without starting it", group: "containers", load: async () => await import("./commands/create.ts") },
  diff: { summary: "Show what a container changed", group: "containers", load: async () => await import("./commands/diff.ts") },
  events: {
    summary: "Tell what happens to containers, images, networks and volumes",
    group: "containers",
    load: async () => await import("./commands/events.ts"),
  },
  exec: { summary: "Run a program in a running container", group: "containers", load: async () => await import("./commands/exec.ts") },
  export: { summary: "Write a container's files as a tar", group: "containers", load: async () => await import("./commands/export.ts") },
  inspect: { summary: "Show all there is to know of containers and images", group: "containers", load: async () => await import("./commands/inspect.ts") },
  kill: { summary: "Send a signal to running containers", group: "containers", load: async () => await import("./commands/kill.ts") },
  logs: { summary: "Show what a container printed", group: "containers", load: async () => await import("./commands/logs.ts") },
  network: { summary: "Manage networks", group: "containers", load: async () => await import("./commands/network.ts") },
  pause: { summary: "Freeze all processes of containers", group: "containers", load: async () => await import("./commands/pause.ts") },
  port: { summary: "Show published ports", group: "containers", load: async () => await import("./commands/port.ts") },
  ps: { summary: "List containers", group: "containers", load: async () => await import("./commands/ps.ts") },
  rename: { summary: "Give a container another name", group: "containers", load: async () => await import("./commands/rename.ts") },
  restart: { summary: "Restart containers", group: "containers", load: async () => await import("./commands/restart.ts") },
  rm: { summary: "Remove containers", group: "containers", load: async () => await import("./commands/rm.ts") },
  run: { summary: "Run a program in a new container", group: "containers", load: async () => await import("./commands/run.ts") },
  start: { summary: "Start containers", group: "containers", load: async () => await import("./commands/start.ts") },
  stats: { summary: "Show what containers use", group: "containers", load: async () => await import("./commands/stats.ts") },
  stop: { summary: "Stop running containers", group: "containers", load: async () => await import("./commands/stop.ts") },
  top: { summary: "List the processes of a container", group: "containers", load: async () => await import("./commands/top.ts") },
  unpause: { summary: "Let paused containers go on", group: "containers", load: async () => await import("./commands/unpause.ts") },
  update: { summary: "Change the limits of containers", group: "containers", load: async () => await import("./commands/update.ts") },
  volume: { summary: "Manage volumes", group: "containers", load: async () => await import("./commands/volume.ts") },
  wait: { summary: "Wait until containers end and print their exit codes", group: "containers", load: async () => await import("./commands/wait.ts") },
  "container-health": {
    summary: "Check the health of a container once",
    group: "containers",
    load: async () => await import("./commands/container-health.ts"),
    hidden: true,
  },
  "container-settle": {
    summary: "Give back what a container held",
    group: "containers",
    load: async () => await import("./commands/container-settle.ts"),
    hidden: true,
  },
  "network-settle": {
    summary: "Take down the bridges that nobody is on",
    group: "containers",
    load: async () => await import("./commands/network-settle.ts"),
    hidden: true,
  },
  copy: {
    summary: "Copy an image between registries, the store, folders and archives",
    group: "registry",
    load: async () => await import("./commands/copy.ts"),
  },
  login: { summary: "Log in to a registry", group: "registry", asUser: true, load: async () => await import("./commands/login.ts") },
  logout: { summary: "Log out from a registry", group: "registry", asUser: true, load: async () => await import("./commands/logout.ts") },
  pull: { summary: "Pull an image from a registry", group: "registry", load: async () => await import("./commands/pull.ts") },
  push: { summary: "Push an image to a registry", group: "registry", load: async () => await import("./commands/push.ts") },
  registry: { summary: "Serve a registry, and look into one", group: "registry", asUser: true, load: async () => await import("./commands/registry.ts") },
  apply: { summary: "Bring the cluster to what manifests say", group: "cluster", asUser: true, load: async () => await import("./commands/apply.ts") },
  delete: { summary: "Remove objects of the cluster", group: "cluster", asUser: true, load: async () => await import("./commands/delete.ts") },
  deploy: { summary: "Run replicas of an image on the cluster", group: "cluster", asUser: true, load: async () => await import("./commands/deploy.ts") },
  describe: {
    summary: "Tell about objects of the cluster and what happened to them",
    group: "cluster",
    asUser: true,
    load: async () => await import("./commands/describe.ts"),
  },
  down: {
    summary: "End the cluster and remove the containers of its pods",
    group: "cluster",
    asUser: true,
    load: async () => await import("./commands/down.ts"),
  },
  get: { summary: "Show objects of the cluster", group: "cluster", asUser: true, load: async () => await import("./commands/get.ts") },
  kubeconfig: { summary: "Print the kubeconfig of the cluster", group: "cluster", asUser: true, load: async () => await import("./commands/kubeconfig.ts") },
  rollout: { summary: "Follow and steer the rollout of a deployment", group: "cluster", asUser: true, load: async () => await import("./commands/rollout.ts") },
  scale: { summary: "Change how many replicas run", group: "cluster", asUser: true, load: async () => await import("./commands/scale.ts") },
  up: { summary: "Run a Kubernetes cluster of this one machine", group: "cluster", asUser: true, load: async () => await import("./commands/up.ts") },
  history: { summary: "Show the history of an image", group: "images", load: async () => await import("./commands/history.ts") },
  image: { summary: "Manage images", group: "images", load: async () => await import("./commands/image.ts") },
  import: { summary: "Make an image of a tar of files", group: "images", load: async () => await import("./commands/import.ts") },
  images: { summary: "List images", group: "images", load: async () => await import("./commands/images.ts") },
  load: { summary: "Read images from a tar archive", group: "images", load: async () => await import("./commands/load.ts") },
  rmi: { summary: "Remove images", group: "images", load: async () => await import("./commands/rmi.ts") },
  save: { summary: "Write images into a tar archive", group: "images", load: async () => await import("./commands/save.ts") },
  tag: { summary: "Give an image another name", group: "images", load: async () => await import("./commands/tag.ts") },
  info: { summary: "Show what this machine and this root are", group: "system", load: async () => await import("./commands/info.ts") },
  version: { summary: "Show the version", group: "system", asUser: true, load: async () => await import("./commands/version.ts") },
  system: { summary: "Show, free and check the space of the store", group: "system", load: async () => await import("./commands/system.ts") },
};
