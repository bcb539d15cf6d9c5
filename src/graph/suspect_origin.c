/* suspect_origin.c — whose code it is: Python's, a package's, the user's.
 *
 * By the module's __file__: below the folder of os.py it is Python's, below
 * site-packages a package's; without a file it is built in. That needs a
 * snapshot with values; without them all is the user's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 128

struct folders {
    char library[TEXT_BYTES]; /* of os.py, with the slash; "": not known */
    char venv[TEXT_BYTES];    /* sys.prefix, if Python is elsewhere; or "" */
};

/* The beginning of a str, without quotes, as far as a preview has it; "" if
 * there is none or the snapshot has no values. */
static void
text_of(const struct px_paths *paths, px_node module, const char *name,
        char *out)
{
    char text[TEXT_BYTES] = "";
    px_node node = namespace_find(paths, module, name);
    if (node != PX_NONE)
        px_node_preview(paths->graph, node, sizeof text, text);
    size_t n = text[0] == '\'' ? strcspn(text + 1, "'") : 0;
    memcpy(out, text + 1, n);
    out[n] = '\0';
}

static void
find_folders(const struct px_paths *paths, struct folders *out)
{
    char base[TEXT_BYTES] = "";
    out->library[0] = out->venv[0] = '\0';
    for (uint32_t i = 0; i < px_graph_n_roots(paths->graph); i++) {
        struct px_root root;
        px_graph_root(paths->graph, i, &root);
        if (root.root_class != PX_ROOT_MODULE)
            continue;
        if (strcmp(root.name, "os") == 0)
            text_of(paths, root.node, "__file__", out->library);
        if (strcmp(root.name, "sys") == 0) {
            text_of(paths, root.node, "prefix", out->venv);
            text_of(paths, root.node, "base_prefix", base);
        }
    }
    char *end = strstr(out->library, "/os.py");
    out->library[end == NULL ? 0 : end + 1 - out->library] = '\0';
    if (strcmp(base, out->venv) == 0)
        out->venv[0] = '\0';
}

static bool
starts_with(const char *text, const char *start)
{
    return start[0] != '\0' && strncmp(text, start, strlen(start)) == 0;
}

/* Long paths are cut: what lies in a lib/python3.x, or in the folder of the
 * virtual environment, is in its site-packages. */
static enum origin
origin_of_module(const struct px_paths *paths, const struct px_root *root,
                 const struct folders *folders)
{
    char file[TEXT_BYTES];
    if (folders->library[0] == '\0' || strcmp(root->name, "__main__") == 0)
        return ORIGIN_USER;
    text_of(paths, root->node, "__file__", file);
    if (strstr(file, "/site-packages") != NULL ||
        strstr(file, "/dist-packages") != NULL)
        return ORIGIN_PACKAGE;
    if (file[0] == '\0' || starts_with(file, folders->library))
        return ORIGIN_PYTHON;
    bool is_installed = strstr(file, "/lib/python3.") != NULL ||
                        starts_with(file, folders->venv);
    return is_installed ? ORIGIN_PACKAGE : ORIGIN_USER;
}

enum px_status
suspect_origins(struct search *search, struct px_err *err)
{
    struct folders folders;
    uint32_t n = px_graph_n_roots(search->graph);
    search->origins = calloc(n + 1, 1);
    if (search->origins == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for suspects");
    find_folders(search->paths, &folders);
    for (uint32_t i = 0; i < n; i++) {
        struct px_root root;
        px_graph_root(search->graph, i, &root);
        enum origin origin = ORIGIN_USER; /* threads, tasks */
        if (root.root_class == PX_ROOT_MODULE)
            origin = origin_of_module(search->paths, &root, &folders);
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
