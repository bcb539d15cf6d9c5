/* suspect_origin.c — whose code it is: Python's, a package's, the user's.
 *
 * By the __file__ of the module, or of the package that it is in: below
 * site-packages it is a package's, below the folder of os.py Python's; without
 * a file it is built in. Of long paths the ends are known (PX_PREVIEW_PATH).
 * That needs a snapshot with values; without them all is the user's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 128

/* A str, without quotes; "…" stands for the beginning of a long path. "" if
 * there is none or the snapshot has no values. */
static void
text_of(const struct px_paths *paths, px_node module, const char *name,
        char *out)
{
    char text[TEXT_BYTES] = "";
    px_node node =
        module == PX_NONE ? PX_NONE : namespace_find(paths, module, name);
    if (node != PX_NONE)
        px_node_preview(paths->graph, node, sizeof text, text);
    const char quote[] = {text[0], '\0'}; /* '"' around an apostrophe */
    bool is_quoted = text[0] == '\'' || text[0] == '"';
    size_t n = is_quoted ? strcspn(text + 1, quote) : 0;
    memcpy(out, text + 1, n);
    out[n] = '\0';
}

static px_node
find_module(const struct px_graph *graph, const char *name, size_t n)
{
    for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
        struct px_root root;
        px_graph_root(graph, i, &root);
        if (root.root_class == PX_ROOT_MODULE && strlen(root.name) == n &&
            memcmp(root.name, name, n) == 0)
            return root.node;
    }
    return PX_NONE;
}

/* The folder of os.py, with the slash; "": not known. */
static void
find_library(const struct px_paths *paths, char *out)
{
    text_of(paths, find_module(paths->graph, "os", 2), "__file__", out);
    char *end = strstr(out, "/os.py");
    out[end == NULL ? 0 : end + 1 - out] = '\0';
}

/* Whether a file is in a folder, as far as the two are known: of paths that
 * are cut by the folder's last two names, "lib/python3.11/". */
static bool
is_below(const char *file, const char *folder)
{
    static const char cut[] = "…";
    size_t n = strlen(folder);
    if (strncmp(file, folder, n) == 0)
        return true;
    if (strncmp(file, cut, sizeof cut - 1) != 0 &&
        strncmp(folder, cut, sizeof cut - 1) != 0)
        return false;
    const char *tail = folder + n - 1;
    for (int names = 0; tail > folder && names < 2; names += *tail == '/')
        tail--;
    return strstr(file, tail) != NULL;
}

static enum origin
origin_of_module(const struct px_paths *paths, const struct px_root *root,
                 const char *library)
{
    char file[TEXT_BYTES];
    size_t n = strcspn(root->name, ".");
    if (library[0] == '\0' || strcmp(root->name, "__main__") == 0)
        return ORIGIN_USER;
    text_of(paths, root->node, "__file__", file);
    if (root->name[n] == '.' && file[0] != '\0')
        text_of(paths, find_module(paths->graph, root->name, n), "__file__",
                file);
    /* a package without a file has none of its own: a folder */
    if (file[0] == '\0')
        text_of(paths, root->node, "__file__", file);
    if (strstr(file, "/site-packages/") != NULL ||
        strstr(file, "/dist-packages/") != NULL)
        return ORIGIN_PACKAGE;
    return file[0] == '\0' || is_below(file, library) ? ORIGIN_PYTHON
                                                      : ORIGIN_USER;
}

enum px_status
suspect_origins(struct search *search, struct px_err *err)
{
    char library[TEXT_BYTES];
    uint32_t n = px_graph_n_roots(search->graph);
    search->origins = calloc(n + 1, 1);
    if (search->origins == NULL)
        return room_fail(err, "no memory for suspects");
    find_library(search->paths, library);
    for (uint32_t i = 0; i < n; i++) {
        struct px_root root;
        px_graph_root(search->graph, i, &root);
        enum origin origin = ORIGIN_USER; /* threads, tasks */
        if (root.root_class == PX_ROOT_MODULE)
            origin = origin_of_module(search->paths, &root, library);
        else if (root.root_class == PX_ROOT_INTERPRETER ||
                 root.root_class == PX_ROOT_STATIC_TYPE)
            origin = ORIGIN_PYTHON;
        search->origins[i] = (uint8_t)origin;
    }
    return PX_OK;
}

enum origin
suspect_origin(const struct search *search, px_node node)
{
    uint32_t root = px_paths_root(search->paths, node);
    return root == PX_NONE ? ORIGIN_USER : (enum origin)search->origins[root];
}

enum origin
suspect_origin_of_type(const struct search *search, px_type type)
{
    const char *name = px_type_name(search->graph, type);
    size_t best = 0;
    enum origin origin = ORIGIN_PYTHON;
    if ((px_type_flags(search->graph, type) & PX_TYPE_PYTHON) == 0 &&
        strchr(name, '.') == NULL)
        return ORIGIN_PYTHON;
    for (uint32_t i = 0; i < px_graph_n_roots(search->graph); i++) {
        struct px_root root;
        px_graph_root(search->graph, i, &root);
        size_t n = strlen(root.name);
        if (root.root_class != PX_ROOT_MODULE || n <= best ||
            strncmp(root.name, name, n) != 0 || name[n] != '.')
            continue;
        best = n;
        origin = (enum origin)search->origins[i];
    }
    return origin;
}
