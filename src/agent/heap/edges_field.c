/* edges_field.c — builtin and library types whose C structs are private.
 *
 * Each list names the words of a struct that hold objects. CPython keeps the
 * structs to itself, so a list is only used when tp_name and tp_basicsize are
 * those of the struct that was read (Objects/, Modules/ of 3.8–3.13); another
 * struct falls back to #i, and tests/agent/test_zoo.py compares every list
 * with tp_traverse.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#define A PX_EDGE_ATTR
#define F PX_EDGE_FIELD
#define WORDS(n) ((n) * sizeof(void *))
#define LIST(name) static const struct edges_field name[]
#define END                                                                    \
    {                                                                          \
        0, 0, NULL                                                             \
    }

/* ---- iterators of the core ---- */
LIST(seq_second) = {{3, F, "sequence"}, END};
LIST(iter_set) = {{2, F, "set"}, END};
LIST(iter_dict) = {{2, F, "dict"}, {5, F, "result"}, END};
LIST(iter_call) = {{2, F, "function"}, {3, F, "sentinel"}, END};
LIST(iter_range) = {{2, F, "start"}, {3, F, "step"}, {4, F, "length"}, END};
/* start, stop and step are members */
LIST(ranges) = {{5, F, "length"}, END};
LIST(iter_range_old) = {
    {2, F, "index"}, {3, F, "start"}, {4, F, "step"}, {5, F, "length"}, END};
LIST(iter_odict) = {
    {3, F, "dict"}, {6, F, "current key"}, {7, F, "result"}, END};
LIST(enumerates) = {{3, F, "iterator"}, {4, F, "result"}, {5, F, "index"}, END};
LIST(maps) = {{2, F, "iterators"}, {3, F, "function"}, END};
LIST(function_iterator) = {{2, F, "function"}, {3, F, "iterator"}, END};
LIST(zips) = {{3, F, "iterators"}, {4, F, "result"}, END};

/* ---- itertools ---- */
LIST(chains) = {{2, F, "iterables"}, {3, F, "active"}, END};
LIST(counts) = {{3, F, "count"}, {4, F, "step"}, END};
LIST(cycles) = {{2, F, "iterator"}, {3, F, "saved"}, END};
LIST(repeats) = {{2, F, "element"}, END};
LIST(iterator) = {{2, F, "iterator"}, END};
LIST(pairwises) = {{2, F, "iterator"}, {3, F, "old"}, END};
LIST(pairwises_13) = {{2, F, "iterator"}, {3, F, "old"}, {4, F, "result"}, END};
LIST(tees) = {{2, F, "data"}, END};
LIST(groupbys) = {{2, F, "iterator"},      {3, F, "key function"},
                  {4, F, "target key"},    {5, F, "current key"},
                  {6, F, "current value"}, END};
LIST(groupers) = {{2, F, "parent"}, {3, F, "target key"}, END};
LIST(products) = {{2, F, "pools"}, {4, F, "result"}, END};
LIST(combines) = {{2, F, "pool"}, {4, F, "result"}, END};
LIST(permutes) = {{2, F, "pool"}, {5, F, "result"}, END};
LIST(accumulates) = {{2, F, "total"},
                     {3, F, "iterator"},
                     {4, F, "function"},
                     {5, F, "initial"},
                     END};
LIST(compresses) = {{2, F, "data"}, {3, F, "selectors"}, END};
LIST(zip_longests) = {
    {4, F, "iterators"}, {5, F, "result"}, {6, F, "fill value"}, END};

/* ---- functions, weak and context ---- */
LIST(asends) = {{2, F, "generator"}, {3, F, "value"}, END};
LIST(athrows) = {{2, F, "generator"}, {3, F, "args"}, END};
LIST(athrows_15) = {{2, F, "generator"},
                    {3, F, "type"},
                    {4, F, "traceback"},
                    {5, F, "value"},
                    END};
LIST(coroutine_wrappers) = {{2, F, "coroutine"}, END};
LIST(attrgetters) = {{3, F, "attributes"}, END};
LIST(itemgetters) = {{3, F, "item"}, END};
LIST(methodcallers) = {{2, F, "name"},
                       {3, F, "args"},
                       {4, F, "kwargs"},
#if COMPAT_METHODCALLER_TUPLE
                       {5, F, "vectorcall args"},
                       {6, F, "vectorcall names"},
#endif
                       END};
LIST(generic_aliases) = {{4, A, "__parameters__"}, END};
LIST(type_unions) = {{3, A, "__parameters__"}, END};
/* its __bound__ is a member */
LIST(param_specs_13) = {{4, F, "default"}, {5, F, "evaluate default"}, END};
LIST(typevar_tuples_13) = {{3, F, "default"}, {4, F, "evaluate default"}, END};
LIST(unions) = {{3, F, "hashable args"},
                {4, F, "unhashable args"},
                {5, A, "__parameters__"},
                END};
LIST(key_wrappers) = {{2, F, "comparison"}, END};
LIST(properties) = {{6, F, "name"}, END};
LIST(contexts) = {{2, F, "previous"}, {3, F, "variables"}, END};
LIST(hamts) = {{2, F, "root"}, END};
LIST(locals) = {{3, F, "args"}, {4, F, "kwargs"}, {6, F, "dummies"}, END};
LIST(locals_13) = {
    {2, F, "args"}, {3, F, "kwargs"}, {5, F, "dicts"}, {6, F, "watchers"}, END};
LIST(abc_datas) = {
    {2, F, "registry"}, {3, F, "cache"}, {4, F, "negative cache"}, END};
LIST(typevars) = {{3, F, "bound"},
                  {4, F, "evaluate bound"},
                  {5, F, "constraints"},
                  {6, F, "evaluate constraints"},
                  END};
LIST(typevars_13) = {{3, F, "bound"},
                     {4, F, "evaluate bound"},
                     {5, F, "constraints"},
                     {6, F, "evaluate constraints"},
                     {7, F, "default"},
                     {8, F, "evaluate default"},
                     END};
LIST(type_aliases) = {{3, A, "__type_params__"},
                      {4, F, "compute value"},
                      {5, F, "value"},
                      {6, F, "module"},
                      END};

LIST(type_aliases_15) = {{4, A, "__type_params__"},
                         {5, F, "compute value"},
                         {6, F, "value"},
                         {7, F, "module"},
                         END};

/* ---- re, io, queue, datetime, decimal, ctypes ---- */
LIST(patterns) = {{4, F, "group index"}, {5, F, "index group"}, END};
LIST(matches) = {{4, F, "regs"}, END};
/* Modules/_sre: {HEAD; pattern; SRE_STATE: ptr, beginning, start, end, string,
 * Py_buffer: buf, obj}. Its tp_traverse (3.10+) visits the pattern alone, so
 * what re.finditer() searches has no other holder. */
LIST(re_scanners) = {{7, F, "string"}, {9, F, "exporter"}, END};
LIST(bytes_ios) = {{2, F, "buffer"}, END};
LIST(string_ios_12) = {
    {15, F, "decoder"}, {16, F, "read newline"}, {17, F, "write newline"}, END};
#if !COMPAT_STRINGIO_SHORT
/* 3.8 to 3.11; what is written is joined when it is read (Objects/accu.c) */
LIST(string_ios_8) = {{7, F, "joined texts"},   {8, F, "texts"},
                      {10, F, "decoder"},       {11, F, "read newline"},
                      {12, F, "write newline"}, END};
#else
LIST(string_ios_14) = {
    {9, F, "decoder"}, {10, F, "read newline"}, {11, F, "write newline"}, END};
#endif
LIST(text_ios) = {{6, F, "encoder"},
                  {7, F, "decoder"},
                  {8, F, "read newline"},
                  {9, A, "errors"},
#if !COMPAT_TEXT_BUFFER_GETTER
                  {15, F, "decoded text"},
                  {17, F, "pending bytes"},
                  {19, F, "snapshot"},
                  {21, F, "raw"},
#endif
#if COMPAT_TEXT_BUFFER_GETTER
                  {4, A, "buffer"},
#endif
                  END};
LIST(newline_decoders) = {{2, F, "decoder"}, {3, F, "errors"}, END};
LIST(deque_iterators) = {{4, F, "deque"}, END};
LIST(simple_queues) = {{4, F, "items"}, END};
LIST(timezones) = {{2, F, "offset"}, {3, F, "name"}, END};
LIST(decimal_contexts) = {{8, A, "traps"}, {9, A, "flags"}, END};
LIST(structs) = {{5, F, "format"}, END};
#if COMPAT_JSON_MEMO
LIST(scanners) = {{8, F, "memo"}, END};
#endif
LIST(dialects) = {{5, A, "lineterminator"}, END};
LIST(c_functions) = {{12, F, "thunk"},      {13, F, "callable"},
                     {14, F, "converters"}, {15, F, "argtypes"},
                     {16, F, "restype"},    {17, F, "checker"},
                     {18, F, "errcheck"},   END};

/* ---- _asyncio: what futures and tasks share comes first ---- */
#define FUTURE_HEAD                                                            \
    {2, A, "_loop"}, {3, F, "callback"}, {4, F, "callback context"},           \
        {5, F, "callbacks"},                                                   \
    {                                                                          \
        6, A, "_exception"                                                     \
    }
#define FUTURE_8                                                               \
    FUTURE_HEAD, {7, A, "_result"},                                            \
    {                                                                          \
        8, A, "_source_traceback"                                              \
    }
#define FUTURE_9                                                               \
    FUTURE_8,                                                                  \
    {                                                                          \
        9, A, "_cancel_message"                                                \
    }
#define FUTURE_10                                                              \
    FUTURE_HEAD, {7, F, "exception traceback"}, {8, A, "_result"},             \
        {9, A, "_source_traceback"},                                           \
    {                                                                          \
        10, A, "_cancel_message"                                               \
    }
#define TASK(word)                                                             \
    {(word), A, "_fut_waiter"}, {(word) + 1, A, "_coro"},                      \
        {(word) + 2, F, "name"},                                               \
    {                                                                          \
        (word) + 3, F, "context"                                               \
    }

LIST(futures_9) = {FUTURE_9, END};
LIST(futures_10) = {FUTURE_10, END};
LIST(tasks_9) = {FUTURE_9, TASK(18), END};
LIST(tasks_10) = {FUTURE_10, TASK(19), END};
LIST(tasks_11) = {FUTURE_10, TASK(16), END};
LIST(tasks_14) = {FUTURE_10, TASK(15), END};
/* 3.8 and 3.13 have structs of the same size. */
#if COMPAT_FUTURE_OLD
LIST(futures_13_words) = {FUTURE_8, END};
LIST(tasks_18_words) = {FUTURE_8, TASK(13), END};
#else
LIST(futures_13_words) = {FUTURE_10, END};
LIST(tasks_18_words) = {FUTURE_10, TASK(14), END};
#endif
LIST(future_iters) = {{2, F, "future"}, END};
LIST(task_wakeups) = {{2, F, "task"}, END};
/* What a thread's dict has for asyncio: {HEAD; loop; pid} */
LIST(loop_holders) = {{2, F, "loop"}, END};
LIST(task_steps) = {{2, F, "task"}, {3, F, "argument"}, END};

#define ROW(name, words, list)                                                 \
    {                                                                          \
        .tp_name = (name), .basicsize = WORDS(words), .fields = (list)         \
    }
#define CORE_ROW(core, words, list)                                            \
    {                                                                          \
        .type = &core, .basicsize = WORDS(words), .fields = (list)             \
    }
#define TASK_ROW(words, list)                                                  \
    {                                                                          \
        .tp_name = "_asyncio.Task", .basicsize = WORDS(words),                 \
        .walk = tasks_walk_one, .fields = (list)                               \
    }

const struct edges_row edges_rows_field[] = {
    CORE_ROW(PyListIter_Type, 4, seq_second),
    CORE_ROW(PyListRevIter_Type, 4, seq_second),
    CORE_ROW(PyTupleIter_Type, 4, seq_second),
    CORE_ROW(PyUnicodeIter_Type, 4, seq_second),
    ROW("str_ascii_iterator", 4, seq_second),
    CORE_ROW(PyBytesIter_Type, 4, seq_second),
    CORE_ROW(PyByteArrayIter_Type, 4, seq_second),
    CORE_ROW(PySeqIter_Type, 4, seq_second),
    CORE_ROW(PyReversed_Type, 4, seq_second),
    CORE_ROW(PySetIter_Type, 6, iter_set),
    CORE_ROW(PyDictIterKey_Type, 7, iter_dict),
    CORE_ROW(PyDictIterValue_Type, 7, iter_dict),
    CORE_ROW(PyDictIterItem_Type, 7, iter_dict),
    CORE_ROW(PyDictRevIterKey_Type, 7, iter_dict),
    CORE_ROW(PyDictRevIterValue_Type, 7, iter_dict),
    CORE_ROW(PyDictRevIterItem_Type, 7, iter_dict),
    CORE_ROW(PyCallIter_Type, 4, iter_call),
    CORE_ROW(PyLongRangeIter_Type, 5, iter_range),
    CORE_ROW(PyLongRangeIter_Type, 6, iter_range_old),
    CORE_ROW(PyRange_Type, 6, ranges),
    CORE_ROW(PyODictIter_Type, 8, iter_odict),
    CORE_ROW(PyEnum_Type, 6, enumerates),
    CORE_ROW(PyEnum_Type, 7, enumerates),
    CORE_ROW(PyMap_Type, 4, maps),
    CORE_ROW(PyMap_Type, 5, maps),
    CORE_ROW(PyFilter_Type, 4, function_iterator),
    CORE_ROW(PyZip_Type, 5, zips),
    CORE_ROW(PyZip_Type, 6, zips),
    ROW("itertools.chain", 4, chains),
    ROW("itertools.count", 5, counts),
    ROW("itertools.cycle", 5, cycles),
    ROW("itertools.cycle", 6, cycles),
    ROW("itertools.repeat", 4, repeats),
    ROW("itertools.islice", 7, iterator),
    ROW("itertools.pairwise", 4, pairwises),
    ROW("itertools.pairwise", 5, pairwises_13),
    ROW("itertools.batched", 4, iterator),
    ROW("itertools.batched", 5, iterator),
    ROW("itertools._tee", 5, tees),
    ROW("itertools._tee", 6, tees),
    ROW("itertools.groupby", 8, groupbys),
    ROW("itertools.groupby", 9, groupbys),
    ROW("itertools._grouper", 4, groupers),
    ROW("itertools.product", 6, products),
    ROW("itertools.combinations", 7, combines),
    ROW("itertools.combinations_with_replacement", 7, combines),
    ROW("itertools.permutations", 8, permutes),
    ROW("itertools.accumulate", 6, accumulates),
    ROW("itertools.accumulate", 7, accumulates),
    ROW("itertools.compress", 4, compresses),
    ROW("itertools.zip_longest", 7, zip_longests),
    ROW("itertools.starmap", 4, function_iterator),
    ROW("itertools.takewhile", 5, function_iterator),
    ROW("itertools.dropwhile", 5, function_iterator),
    ROW("itertools.filterfalse", 4, function_iterator),
    ROW("async_generator_asend", 5, asends),
    ROW("async_generator_athrow", 5, athrows),
    ROW("async_generator_athrow", 7, athrows_15),
    ROW("coroutine_wrapper", 3, coroutine_wrappers),
    ROW("operator.attrgetter", 4, attrgetters),
    ROW("operator.attrgetter", 5, attrgetters),
    ROW("operator.itemgetter", 5, itemgetters),
    ROW("operator.itemgetter", 6, itemgetters),
    ROW("operator.methodcaller", 5, methodcallers),
    ROW("operator.methodcaller", 8, methodcallers),
    ROW("functools.KeyWrapper", 4, key_wrappers),
    CORE_ROW(PyProperty_Type, 8, properties),
    CORE_ROW(PyContext_Type, 6, contexts),
    ROW("hamt", 5, hamts),
    ROW("_thread._local", 7, locals_13),
    ROW("_thread._local", 8, locals),
    ROW("_abc_data", 6, abc_datas),
    ROW("_abc._abc_data", 6, abc_datas),
    ROW("typing.TypeVar", 8, typevars),
    ROW("typing.TypeVar", 10, typevars_13),
    ROW("typing.TypeAliasType", 7, type_aliases),
    ROW("typing.TypeAliasType", 8, type_aliases_15),
    ROW("typing.ParamSpec", 7, param_specs_13),
    ROW("typing.TypeVarTuple", 5, typevar_tuples_13),
    ROW("types.GenericAlias", 6, generic_aliases),
    ROW("types.GenericAlias", 8, generic_aliases),
    ROW("types.UnionType", 4, type_unions),
    ROW("typing.Union", 7, unions),
    ROW("re.Pattern", 12, patterns),
    ROW("re.Match", 11, matches),
    ROW("_sre.SRE_Scanner", 29, re_scanners),
    ROW("_sre.SRE_Scanner", 30, re_scanners),
    ROW("_sre.SRE_Scanner", 31, re_scanners),
    ROW("_sre.SRE_Scanner", 33, re_scanners),
    ROW("_io.BytesIO", 8, bytes_ios),
#if COMPAT_STRINGIO_SHORT
    ROW("_io.StringIO", 15, string_ios_14),
#else
    ROW("_io.StringIO", 15, string_ios_8),
#endif
    ROW("_io.StringIO", 21, string_ios_12),
    ROW("_io.TextIOWrapper", 24, text_ios),
    ROW("_io.TextIOWrapper", 25, text_ios),
    ROW("_io.IncrementalNewlineDecoder", 5, newline_decoders),
    ROW("_collections._deque_iterator", 7, deque_iterators),
    ROW("_collections._deque_reverse_iterator", 7, deque_iterators),
    ROW("collections._deque_iterator", 7, deque_iterators),
    ROW("collections._deque_reverse_iterator", 7, deque_iterators),
    ROW("_queue.SimpleQueue", 7, simple_queues),
    ROW("datetime.timezone", 4, timezones),
    ROW("decimal.Context", 12, decimal_contexts),
    ROW("decimal.Context", 13, decimal_contexts),
    ROW("Struct", 7, structs),
    ROW("_struct.Struct", 7, structs),
#if COMPAT_JSON_MEMO
    ROW("_json.Scanner", 9, scanners),
#endif
    ROW("_csv.Dialect", 6, dialects),
    ROW("_ctypes.CFuncPtr", 20, c_functions),
    ROW("_ctypes.CFuncPtr", 21, c_functions),
    ROW("_ctypes.CFuncPtr", 22, c_functions),
    ROW("_ctypes.PyCFuncPtr", 20, c_functions),
    ROW("_ctypes.PyCFuncPtr", 21, c_functions),
    ROW("_ctypes.PyCFuncPtr", 22, c_functions),
    ROW("_asyncio.Future", 13, futures_13_words),
    ROW("_asyncio.Future", 14, futures_10),
    ROW("_asyncio.Future", 18, futures_9),
    ROW("_asyncio.Future", 19, futures_10),
    ROW("_asyncio.Future", 16, futures_10),
    TASK_ROW(18, tasks_18_words),
    TASK_ROW(21, tasks_14),
    TASK_ROW(23, tasks_9),
    TASK_ROW(24, tasks_10),
    TASK_ROW(22, tasks_11),
    ROW("_asyncio.FutureIter", 3, future_iters),
    ROW("TaskStepMethWrapper", 4, task_steps),
    ROW("_asyncio.TaskStepMethWrapper", 4, task_steps),
    ROW("TaskWakeupMethWrapper", 3, task_wakeups),
    ROW("_RunningLoopHolder", 4, loop_holders),
    ROW("_asyncio._RunningLoopHolder", 4, loop_holders),
    {.type = NULL},
};
