"""Where npm's oidc-provider answers differently from what the checks ask for, and why."""

DIFFERENCES: dict[int, str] = {
    4: "an odd header is a 400 `invalid_request`, not a failed authentication",
    6: "ignores a `client_secret` beside another method; two real methods are refused",
    12: "takes the token endpoint and lists as audience too, outside its FAPI profile",
    13: "does not ask how old `iat` is or how far `exp` lies, outside its FAPI profile",
    16: "what is no JWT is a 400; does not look at an assertion's `typ`",
    17: "takes any text as `jti`, ignores odd `typ` and `kid`; what is no JWT is a 400",
    21: "a grant that was not registered is `invalid_request`",
    23: "drops scopes that it does not know, as OpenID Connect asks; known but unregistered ones are refused",
    24: "no scope means none",
    26: "leaves TLS to the proxy before it",
    28: "no redirect_uri means the only registered one",
    29: "takes a challenge of 44 characters, which no verifier can meet",
    32: "drops scopes that it does not know",
    33: "a repeated redirect_uri is told by redirect; takes any `state`",
    36: "a code may be redeemed without the redirect_uri, where only one is registered",
    40: "sends no `Referrer-Policy` with its redirect",
    42: "has no grace: an old token ends the family at once",
    49: "answers 200 to another client, and revokes nothing",
    67: "takes a `jti` of any length, an `iat` minutes ahead, and an empty header as none",
}
