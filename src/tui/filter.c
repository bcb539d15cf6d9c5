/* filter.c — which rows to show.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool
has_capital(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z')
            return true;
    }
    return false;
}

static enum px_status
parse_figure(const char *word, struct filter_term *term, struct px_err *err)
{
    static const char units[] = "kMGT";
    char *end = NULL;
    term->op = word[0] == '>' ? FILTER_MORE : FILTER_LESS;
    term->value = strtod(word + 1, &end);
    if (end == word + 1 || !(term->value >= 0)) {
        px_fail(err, PX_EINVAL, "a number must follow %c in '%s'", word[0],
                word);
        px_err_hint(err, "for example >1k, <100 or >5%%");
        return PX_EINVAL;
    }
    if (*end == '%') {
        term->percent = true;
        end++;
    } else if (*end != '\0') {
        char letter = *end == 'K' ? 'k'
                      : *end == 'm' || *end == 'g'
                          ? (char)toupper((unsigned char)*end)
                          : *end;
        const char *unit = strchr(units, letter);
        if (unit != NULL) {
            term->power = (unsigned)(unit - units) + 1;
            end++;
        }
    }
    if (*end != '\0') {
        px_fail(err, PX_EINVAL, "'%s' in '%s' is no unit", end, word);
        px_err_hint(err, "units are k, M, G, T and %%");
        return PX_EINVAL;
    }
    return PX_OK;
}

enum px_status
filter_parse(const char *text, struct filter *out, struct px_err *err)
{
    struct filter filter = {.n_terms = 0};
    while (*text != '\0') {
        size_t blank = strspn(text, " \t");
        text += blank;
        size_t n = strcspn(text, " \t");
        if (n == 0)
            break;
        if (filter.n_terms == FILTER_TERMS || n >= FILTER_TEXT)
            return px_fail(err, PX_ELIMIT,
                           "a filter has at most %d words of %d bytes",
                           FILTER_TERMS, FILTER_TEXT - 1);
        struct filter_term *term = &filter.terms[filter.n_terms++];
        char word[FILTER_TEXT];
        memcpy(word, text, n);
        word[n] = '\0';
        text += n;
        if (word[0] == '>' || word[0] == '<') {
            /* <module>, <frame> … are types, not figures. */
            if (word[0] == '>' || !isalpha((unsigned char)word[1])) {
                enum px_status status = parse_figure(word, term, err);
                if (status != PX_OK)
                    return status;
                continue;
            }
        }
        bool is_not = word[0] == '!' && word[1] != '\0';
        term->op = is_not ? FILTER_HAS_NOT : FILTER_HAS;
        strcpy(term->text, word + is_not);
        term->ignore_case = !has_capital(term->text);
    }
    *out = filter;
    return PX_OK;
}

static bool
is_text(const struct filter_term *term)
{
    return term->op == FILTER_HAS || term->op == FILTER_HAS_NOT;
}

bool
filter_needs_figure(const struct filter *filter)
{
    for (int i = 0; i < filter->n_terms; i++) {
        if (!is_text(&filter->terms[i]))
            return true;
    }
    return false;
}

bool
filter_needs_text(const struct filter *filter)
{
    for (int i = 0; i < filter->n_terms; i++) {
        if (is_text(&filter->terms[i]))
            return true;
    }
    return false;
}

bool
filter_needs_total(const struct filter *filter)
{
    for (int i = 0; i < filter->n_terms; i++) {
        if (filter->terms[i].percent)
            return true;
    }
    return false;
}

bool
filter_text_passes(const struct filter *filter, const char *text)
{
    for (int i = 0; i < filter->n_terms; i++) {
        const struct filter_term *term = &filter->terms[i];
        if (!is_text(term))
            continue;
        const char *found = term->ignore_case ? strcasestr(text, term->text)
                                              : strstr(text, term->text);
        if ((found != NULL) != (term->op == FILTER_HAS))
            return false;
    }
    return true;
}

bool
filter_figure_passes(const struct filter *filter, uint64_t value,
                     uint64_t total, bool is_bytes)
{
    for (int i = 0; i < filter->n_terms; i++) {
        const struct filter_term *term = &filter->terms[i];
        if (is_text(term))
            continue;
        double limit = term->value;
        for (unsigned p = 0; p < term->power; p++)
            limit *= is_bytes ? 1024.0 : 1000.0;
        if (term->percent)
            limit = limit / 100.0 * (double)total;
        bool passes = term->op == FILTER_MORE ? (double)value > limit
                                              : (double)value < limit;
        if (!passes)
            return false;
    }
    return true;
}

const char *
filter_find(const char *text, const char *needle)
{
    return has_capital(needle) ? strstr(text, needle)
                               : strcasestr(text, needle);
}
