/** How a probe or a hook went. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly message: string };
