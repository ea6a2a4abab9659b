/* JSON of many structures: what is bad in it costs its row, and which keys are ids. */
#include "telling.h"

static void what_is_bad_costs_its_row(void **state) {
    (void)state;
    static const telling all[] = {
        /* JSON lines: a bad line, a line that is no JSON, a good one. */
        {"d/a.jsonl",
         "{\"id\": \"u\", \"structure\": " IRON "}\n{\"id\": \"v\", \"structure\": {" CUBE
         "}}\n{\"id\": [\n\n{\"id\": \"w\", "
         "\"structure\": " IRON "}",
         {"u:1", "v:2!...no \"lattice\" with \"sites\"", "a-3:3!...not a JSON object", "w:5"}},
        /* A list: bad elements of all kinds. */
        {"d/b.json",
         "[" IRON ",\n7, null,\n{\"a\": 1},\n[" IRON "], \"text\",\n" IRON "]",
         {"b-1:1", "b-2:2!...not a JSON object", "b-3:2!...not a JSON object", "b-4:3!...holds no structure", "b-5:4",
          "b-6:4!...not a JSON object", "b-7:5"}},
        /* Cut off in its second element, which is also all that is lost. */
        {"c.json", "[" IRON ",\n{\"lattice\": [[", {"c-1:1", "c-2:2!...cut off: the file ends within it"}},
        {"d.json", "[" IRON, {"d-1:1", "d-2:1!...cut off"}},
        {"e.json", "[" IRON "}, " IRON "]", {"e-1:1", "e-2:1!...makes no sense here: '}'"}},
        {"f.json", IRON "\n;", {"f-1:1", "f-2:2!...no JSON object follows here: ';'"}},
        /* A table whose rows have too few values; a row without a structure; NaN as Python writes it. */
        {"g.json",
         "{\"columns\": [\"structure\", \"y\"], \"index\": [\"p\", \"q\", \"r\"], \"data\": [[" IRON ", NaN], [" IRON
         "],\n[null, -Infinity]]}",
         {"p:1", "q:1!...the row has 1 values; the table has 2 columns", "r:2!...holds no structure"}},
        {"h.json", "{\"columns\": [\"structure\"], \"data\": [[" IRON "]", {"h-1:1", "h-2:1!...cut off"}},
        {"i.json",
         "{\"data\": [[" IRON "]], \"columns\": [\"structure\"]",
         {"parse error:...no JSON, or it is cut off"}},
        {"j.json", "{\"a\": {\"x\": 1}, \"b\": 2}", {"not supported...no structures are seen"}},
        {"k.json", "[]", {"not supported...no structures are seen"}},
        {"l.json", "{\"a\": [1, 2", {"parse error:...cut off here"}},
        {"m.json",
         "{\"x\": " IRON ", \"y\": {" CUBE ", \"species\": [], \"frac\": []}, \"1\": " IRON ", \"z\": 4}",
         {"x:1", "y:1!...no sites", "1:1", "z:1!...not a JSON object"}},
        {"n.json", "\xEF\xBB\xBF \n" IRON, {"n:2"}},
        {"o.json", "{\"structure\": " IRON ", \"other_structure\": " IRON "}", {"o:1"}},
        {"p.json", "{\"first\": " IRON "}", {"first:1"}},
        {"q.json",
         "{\"data\": {\"id\": \"o\", \"attributes\": {\"lattice_vectors\": [[4,0,0],[0,4,0],[0,0,4]]}}}",
         {"o:1!...an entry for each site"}},
        /* Structures as text. */
        {"r.json",
         "[{\"cif\": \"data_x\\n_cell_length_a 4\"}, {\"poscar\": \"a\\n1\\n4 0 0\"}]",
         {"r-1:1!...cell", "r-2:1!"
                           "..."}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_bad_costs_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
