/**
 * A self-signed certificate for localhost and 127.0.0.1 with its key, for tests on the loopback interface
 * only. A client that is given it can use it as the authority.
 */
export const LOCALHOST = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8KVtIqo7BUNkwEDp
1xZpye8ZU1/lcqB4TN3Aa4LEW9mhRANCAAQELyBgGCNKVqqnWyTQsG/FlVRRAXio
4wa1f91G6VIGerdnWVF2yV9Oe4kedPYptO+IYf/DpNkfXSR2mW/r5kU/
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUL96B3+JvArngTKQ3/SRvDl/o18owCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEwMjgyOFoYDzIxMjYxMDI5
MTAyODI4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQELyBgGCNKVqqnWyTQsG/FlVRRAXio4wa1f91G6VIGerdnWVF2yV9O
e4kedPYptO+IYf/DpNkfXSR2mW/r5kU/o28wbTAdBgNVHQ4EFgQU1HCHG7kRmQiJ
ZxsqT+p8uvj4rvIwHwYDVR0jBBgwFoAU1HCHG7kRmQiJZxsqT+p8uvj4rvIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgUpWXuVI3hcPOopcV4P00bP66baoGJBbiHg4ChWHFnpMCIHRn
i+piynChbO43IKp0ELWLC49D6RWKiZo9jPD3VaRF
-----END CERTIFICATE-----
`,
} as const;
