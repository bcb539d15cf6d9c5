/* app_title.c — what stands on top of the screen: the target, the snapshot,
 * and where one is.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tui/app.h"

/* "server.py" of ["python", "-X", "dev", "server.py"]. */
static const char *
script_name(const json_t *command)
{
    const char *name = json_string_value(json_array_get(command, 0));
    for (size_t i = 1; i < json_array_size(command); i++) {
        const char *text = json_string_value(json_array_get(command, i));
        if (text == NULL || strcmp(text, "-m") == 0)
            continue;
        if (strcmp(text, "-c") == 0)
            return "python -c";
        if (text[0] != '-') {
            name = text;
            break;
        }
        i += strcmp(text, "-X") == 0 || strcmp(text, "-W") == 0;
    }
    if (name == NULL)
        return "?";
    const char *slash = strrchr(name, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : name;
}

static void
add_escaped(char *out, size_t out_bytes, const char *text)
{
    size_t used = strlen(out);
    if (used + 1 < out_bytes)
        px_text_escape(text, strlen(text), out_bytes - used, out + used);
}

char *
app_title(const struct app *app, size_t out_bytes, char *out)
{
    const struct snapshot *latest = store_latest(&app->store);
    const json_t *facts = app->session.hello;
    out[0] = '\0';
    if (facts == NULL && latest != NULL)
        facts = px_graph_header(latest->graph)->json;
    if (facts == NULL) {
        add_escaped(out, out_bytes, app->session.target.text);
        return out;
    }
    const char *python = json_string_value(json_object_get(facts, "python"));
    add_escaped(out, out_bytes, script_name(json_object_get(facts, "command")));
    size_t used = strlen(out);
    snprintf(out + used, out_bytes - used, "  pid %lld  CPython ",
             (long long)json_number_value(json_object_get(facts, "pid")));
    add_escaped(out, out_bytes, python != NULL ? python : "?");
    if (app->session.hello == NULL) {
        const char *path = app->session.target.path;
        const char *slash = strrchr(path, '/');
        add_escaped(out, out_bytes, "  from ");
        add_escaped(out, out_bytes, slash != NULL ? slash + 1 : path);
    } else if (!session_is_live(&app->session)) {
        add_escaped(out, out_bytes, "  ended");
    }
    return out;
}

char *
app_snapshot_text(const struct app *app, size_t out_bytes, char *out)
{
    const struct snapshot *snapshot = app_snapshot(app);
    out[0] = '\0';
    if (snapshot == NULL)
        return out;
    char age[PX_FIGURE_MAX], pause[PX_FIGURE_MAX];
    uint64_t pause_ns = px_graph_footer(snapshot->graph, PX_FOOTER_PAUSE_NS);
    size_t used = 0;
    if (snapshot->path[0] != '\0') {
        time_t taken = (time_t)snapshot->taken_unix;
        struct tm parts;
        localtime_r(&taken, &parts);
        used = strftime(out, out_bytes, "taken %Y-%m-%d %H:%M:%S", &parts);
    } else {
        uint64_t old_ns = px_now_ns() - snapshot->started_ns;
        /* Whole seconds: more is only unrest. */
        if (old_ns < 60000000000u)
            snprintf(age, sizeof age, "%u s", (unsigned)(old_ns / 1000000000u));
        else
            px_text_ns(old_ns, age);
        if (app->auto_s > 0)
            used =
                (size_t)snprintf(out, out_bytes, "auto %u s   ", app->auto_s);
        used += (size_t)snprintf(out + used, out_bytes - used,
                                 "snapshot %u, %s old", snapshot->number, age);
    }
    if (pause_ns > 0 && used < out_bytes)
        snprintf(out + used, out_bytes - used, ", paused %s",
                 px_text_ns(pause_ns, pause));
    return out;
}

char *
app_crumb(const struct app *app, size_t out_bytes, char *out)
{
    const struct view *view = app_view(app);
    struct cell_out cell;
    cell_clear(&cell);
    if (view != NULL && view->ops->crumb != NULL)
        view->ops->crumb(view, &cell);
    else if (view != NULL)
        cell_add(&cell, ROLE_CRUMB, view_name(view->place.view));
    snprintf(out, out_bytes, "%s", cell.text);
    return out;
}
