/** The addresses that slirp4netns gives, to every container the same: each is alone in its network. */
export const USER_MODE = { address: "10.0.2.100", prefixLength: 24, gateway: "10.0.2.2", resolver: "10.0.2.3" } as const;
