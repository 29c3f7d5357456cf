import { expect, test } from "vitest";
import { renderTemplate } from "../../cli/template.ts";

const data = {
  Id: "sha256:abc",
  State: { Pid: 42, Running: true, Error: "" },
  RepoTags: ["one:1", "two:2"],
  Config: { Labels: { b: "2", a: "1" }, Env: null },
  Ports: {},
  Networks: { one: { Address: "10.0.0.2" } },
  Bindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
};

const cases = [
  { template: "{{.Id}}", text: "sha256:abc" },
  { template: "{{ .State.Pid }}", text: "42" },
  { template: "{{json .State}}", text: '{"Pid":42,"Running":true,"Error":""}' },
  { template: "{{json .}}", text: JSON.stringify(data) },
  { template: "{{json .Absent}}", text: "null" },
  { template: "{{.RepoTags}} {{.Config.Labels}}", text: "[one:1 two:2] map[a:1 b:2]" },
  { template: "{{.Absent}} {{.Config.Env}}", text: "<no value> <nil>" },
  { template: "{{range .RepoTags}}<{{.}}>{{end}}", text: "<one:1><two:2>" },
  { template: "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}} {{end}}", text: "a=1 b=2 " },
  { template: "{{range $i, $tag := .RepoTags}}{{if $i}}, {{end}}{{$tag}}{{end}}", text: "one:1, two:2" },
  { template: "{{range .Ports}}x{{else}}none{{end}}", text: "none" },
  { template: "{{if .State.Running}}up{{else}}down{{end}}", text: "up" },
  { template: "{{if .State.Error}}failed{{else if eq .State.Pid 42}}forty-two{{else}}fine{{end}}", text: "forty-two" },
  { template: "{{if and .State.Running (not .State.Error)}}good{{end}}", text: "good" },
  { template: "{{with .State}}{{.Pid}} {{$.Id}}{{end}}", text: "42 sha256:abc" },
  { template: '{{len .RepoTags}} {{index .RepoTags 1}} {{index .Config.Labels "b"}}', text: "2 two:2 2" },
  { template: "{{(index .RepoTags 0)}}", text: "one:1" },
  { template: '{{(index .Networks "one").Address}} {{(index (index .Bindings "80/tcp") 0).HostPort}}', text: "10.0.0.2 8080" },
  { template: '{{printf "%s %s" (index .RepoTags 0) .Id}} {{len (.State).Error}}', text: "one:1 sha256:abc 0" },
  { template: '{{join .RepoTags ", "}}', text: "one:1, two:2" },
  { template: '{{.Id | printf "%-12s|"}}', text: "sha256:abc  |" },
  { template: "{{upper .Id}} {{truncate .Id 6}} {{title `abc`}}", text: "SHA256:ABC sha256 Abc" },
  { template: '{{join (split .Id ":") "/"}}', text: "sha256/abc" },
  { template: "{{slice .Id 7}} {{slice .Id 7 9}} {{len (slice .RepoTags 1)}}", text: "abc ab 1" },
  { template: '{{pad .State.Pid 1 2}}|{{pad "" 1 2}}|{{printf "%-5t|%+v" .State.Running .State.Pid}}', text: " 42  ||true |42" },
  { template: "{{html `<a>`}} {{urlquery `a b/c`}}", text: "&lt;a&gt; a+b%2Fc" },
  { template: "{{println .Id}}", text: "sha256:abc\n" },
  { template: String.raw`{{.Id}}\t{{.State.Pid}}\n`, text: "sha256:abc\t42\n" },
  { template: "a {{- .State.Pid -}} b", text: "a42b" },
  { template: "{{/* nothing */}}x", text: "x" },
  { template: "{{$x := .State}}{{$x.Pid}}", text: "42" },
  { template: "plain", text: "plain" },
];
test.each(cases)("$template gives $text", ({ template, text }) => {
  expect(renderTemplate(template, data)).toBe(text);
});

const refused = [
  "{{.Id",
  "{{if .Id}}x",
  "{{end}}",
  "{{else}}",
  "{{nosuch .Id}}",
  "{{}}",
  "{{(.Id}}",
  "{{range .RepoTags}}{{else}}x",
  "{{.Id ^}}",
  "{{slice .Id 99}}",
  "{{slice .Id 3 2}}",
  "{{slice .State 1}}",
];
test.each(refused)("%s is refused as wrong use", (template) => {
  expect(() => renderTemplate(template, data)).toThrow(expect.objectContaining({ status: 2 }));
});
