/* signature: who knows the secret. libcrypto is seen in this file only. */
#include "webhook/webhook_int.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

enum { DIGEST_LEN = 32 };

static int
nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Exactly 64 hex digits, nothing before or behind. */
static bool
read_hex(const char *text, uint8_t out[DIGEST_LEN])
{
    if (strlen(text) != 2 * DIGEST_LEN)
        return false;
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        int high = nibble(text[2 * i]);
        int low = nibble(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
holds_with(const uint8_t given[DIGEST_LEN], const char *secret, const void *body, size_t len)
{
    uint8_t  ours[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    /* An empty secret is none: whoever sends an empty key's signature knows nothing. */
    if (!secret || !*secret)
        return false;
    CHECK(HMAC(EVP_sha256(), secret, (int)strlen(secret), body, len, ours, &size) != NULL && size == DIGEST_LEN);
    return str_equal_secret(given, ours, DIGEST_LEN);
}

bool
signature_holds(const char *text, const char *prefix, const char *const secrets[2], const void *body, size_t len)
{
    uint8_t given[DIGEST_LEN];
    bool    is_first;
    bool    is_second;

    if (!text || (prefix && !str_starts(text, prefix)))
        return false;
    if (!read_hex(text + (prefix ? strlen(prefix) : 0), given))
        return false;
    /* Both, always: which secret is in use does not show in the time. */
    is_first = holds_with(given, secrets[0], body, len);
    is_second = holds_with(given, secrets[1], body, len);
    return is_first || is_second;
}

struct digest_text
signature_digest(const void *body, size_t len)
{
    static const char  digits[] = "0123456789abcdef";
    struct digest_text out = { { 0 } };
    uint8_t            raw[EVP_MAX_MD_SIZE];
    unsigned           size = 0;

    CHECK(EVP_Digest(body, len, raw, &size, EVP_sha256(), NULL) == 1 && size == DIGEST_LEN);
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        out.text[2 * i] = digits[raw[i] >> 4];
        out.text[2 * i + 1] = digits[raw[i] & 15];
    }
    return out;
}
