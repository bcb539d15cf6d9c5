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

/* The beginning of a module's __file__, without the quote; "" if it has none
 * or the snapshot has no values. */
static void
file_of(const struct px_paths *paths, px_node module, size_t room, char *out)
{
    char text[128] = "";
    px_node file = namespace_find(paths, module, "__file__");
    if (file != PX_NONE)
        px_node_preview(paths->graph, file, sizeof text, text);
    size_t n = text[0] == '\'' ? strlen(text + 1) : 0;
    n = n < room ? n : room - 1;
    memcpy(out, text + 1, n);
    out[n] = '\0';
}

/* The folder of the standard library: where os.py is. */
static void
library_folder(const struct px_paths *paths, size_t room, char *out)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < px_graph_n_roots(paths->graph); i++) {
        struct px_root root;
        px_graph_root(paths->graph, i, &root);
        if (root.root_class == PX_ROOT_MODULE && strcmp(root.name, "os") == 0)
            file_of(paths, root.node, room, out);
    }
    char *end = strstr(out, "/os.py");
    if (end != NULL)
        end[1] = '\0';
    else
        out[0] = '\0';
}

static enum origin
origin_of_module(const struct px_paths *paths, const struct px_root *root,
                 const char *folder)
{
    char file[128];
    if (folder[0] == '\0' || strcmp(root->name, "__main__") == 0)
        return ORIGIN_USER;
    file_of(paths, root->node, sizeof file, file);
    if (strstr(file, "/site-packages") != NULL ||
        strstr(file, "/dist-packages") != NULL)
        return ORIGIN_PACKAGE;
    bool is_python =
        file[0] == '\0' || strncmp(file, folder, strlen(folder)) == 0;
    return is_python ? ORIGIN_PYTHON : ORIGIN_USER;
}

enum px_status
suspect_origins(struct search *search, struct px_err *err)
{
    char folder[128];
    uint32_t n = px_graph_n_roots(search->graph);
    search->origins = calloc(n + 1, 1);
    if (search->origins == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for suspects");
    library_folder(search->paths, sizeof folder, folder);
    for (uint32_t i = 0; i < n; i++) {
        struct px_root root;
        px_graph_root(search->graph, i, &root);
        enum origin origin = ORIGIN_USER; /* threads, tasks */
        if (root.root_class == PX_ROOT_MODULE)
            origin = origin_of_module(search->paths, &root, folder);
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
