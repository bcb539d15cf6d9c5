/* secret.c — which names promise a secret.
 *
 * A name is split into words at whatever is no letter, and where a capital
 * follows a small letter: db_password, X-Api-Key, secretToken. One word
 * of the list is enough, also with a plural s; words that are written apart
 * (api key) match as neighbours. The words of a name are compared without
 * case.
 *
 * Most names are asked many times (one key str for a million dicts), so the
 * answer is cached by address. A name without any pair of letters that
 * starts a word of the list is dismissed at once.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/secret.h"

#include <string.h>

/* X(first word, second word that must follow, or "") */
#define SECRET_WORD_LIST(X)                                                    \
    X("password", "")                                                          \
    X("passwd", "")                                                            \
    X("passphrase", "")                                                        \
    X("pwd", "")                                                               \
    X("secret", "")                                                            \
    X("token", "")                                                             \
    X("apikey", "")                                                            \
    X("api", "key")                                                            \
    X("cookie", "")                                                            \
    X("authorization", "")                                                     \
    X("credential", "")                                                        \
    X("privatekey", "")                                                        \
    X("private", "key")

static const struct secret_word {
    const char *first;
    const char *second;
} secret_words[] = {
#define X(first, second) {first, second},
    SECRET_WORD_LIST(X)
#undef X
};
#define N_WORDS (sizeof secret_words / sizeof *secret_words)

#define NAME_MAX_BYTES 128 /* a longer one is text, not a name */
#define WORDS_MAX 24

struct word {
    unsigned char at, n;
};

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_part(char c)
{
    return is_lower(c) || is_upper(c);
}

/* A word starts at i: after a separator, at a capital after a small letter,
 * or at the last capital of a run (HTTPCookie: HTTP, Cookie). */
static bool
starts_word(const char *text, size_t n, size_t i)
{
    if (!is_part(text[i]))
        return false;
    if (i == 0 || !is_part(text[i - 1]))
        return true;
    if (!is_upper(text[i]))
        return false;
    return !is_upper(text[i - 1]) || (i + 1 < n && is_lower(text[i + 1]));
}

static size_t
split_words(const char *text, size_t n, struct word words[WORDS_MAX])
{
    size_t n_words = 0;
    size_t i = 0;

    while (i < n && n_words < WORDS_MAX) {
        size_t start;
        if (!starts_word(text, n, i)) {
            i++;
            continue;
        }
        start = i++;
        while (i < n && is_part(text[i]) && !starts_word(text, n, i))
            i++;
        words[n_words].at = (unsigned char)start;
        words[n_words].n = (unsigned char)(i - start);
        n_words++;
    }
    return n_words;
}

static bool
word_is(const char *text, struct word word, const char *want)
{
    size_t n = strlen(want);

    if (word.n == n + 1 && (text[word.at + n] | 0x20) == 's')
        word.n--;
    if (word.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((text[word.at + i] | 0x20) != want[i])
            return false;
    return true;
}

static bool
words_match(const char *text, const struct word *words, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        for (size_t k = 0; k < N_WORDS; k++) {
            const struct secret_word *want = &secret_words[k];
            if (!word_is(text, words[i], want->first))
                continue;
            if (want->second[0] == '\0' ||
                (i + 1 < n_words && word_is(text, words[i + 1], want->second)))
                return true;
        }
    return false;
}

/* Every word of the list starts with one of these pairs (api: "pi"). */
static bool
may_match(const char *text, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        char a = (char)(text[i] | 0x20);
        char b = (char)(text[i + 1] | 0x20);
        if ((a == 'p' && (b == 'a' || b == 'w' || b == 'i' || b == 'r')) ||
            (a == 's' && b == 'e') || (a == 't' && b == 'o') ||
            (a == 'c' && (b == 'o' || b == 'r')) || (a == 'a' && b == 'u'))
            return true;
    }
    return false;
}

bool
secret_is_text(const char *text, size_t n)
{
    struct word words[WORDS_MAX];

    if (n < 3 || n > NAME_MAX_BYTES || !may_match(text, n))
        return false;
    return words_match(text, words, split_words(text, n, words));
}

static bool
decide(PyObject *key)
{
    char text[NAME_MAX_BYTES + 1];
    size_t n;

    if (PyUnicode_Check(key)) {
        n = names_of_str(key, sizeof text, text);
        return secret_is_text(text, n);
    }
    if (PyBytes_Check(key))
        return secret_is_text(PyBytes_AS_STRING(key),
                              (size_t)PyBytes_GET_SIZE(key));
    return false;
}

/* Direct-mapped: the address with the answer in its lowest bit. */
static uintptr_t *cache;
#define CACHE_SLOTS (SECRET_CACHE_BYTES / sizeof(uintptr_t))

void
secret_use_cache(void *memory)
{
    cache = memory;
}

bool
secret_is_name(PyObject *key)
{
    uintptr_t address = (uintptr_t)key;
    uintptr_t *slot;
    bool answer;

    if (key == NULL)
        return false;
    if (cache == NULL)
        return decide(key);
    slot =
        &cache[(address >> 4) * 0x9e3779b97f4a7c15u >> 32 & (CACHE_SLOTS - 1)];
    if ((*slot & ~(uintptr_t)1) == address)
        return (*slot & 1) != 0;
    answer = decide(key);
    *slot = address | (answer ? 1 : 0);
    return answer;
}
