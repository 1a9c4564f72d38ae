/* The peer of the matching benchmark: every rule in order with PCRE2, limits set, no JIT.
 *
 * Usage: in_order RULES CASES SECONDS
 *   RULES: u32 count; for each rule: u32 options (1 caseless, 2 dotall), u32 length, the regex.
 *   CASES: u32 chains; for each: u32 count, u32 rule indexes;
 *          u32 cases; for each: u32 chain, u32 length, the response.
 * Numbers are in the byte order of the machine.  Prints, a line for each case, the index of the
 * first rule of the chain that matches, or -1; and at the end "seconds" for one pass over all
 * cases, the best of as many passes as fit into SECONDS (at least one).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct { pcre2_code *code; pcre2_match_data *data; } Rule;
typedef struct { uint32_t count, *rules; } Chain;
typedef struct { uint32_t chain, length; unsigned char *bytes; } Case;

static uint32_t number(FILE *file) {
    uint32_t value;
    if (fread(&value, 4, 1, file) != 1) exit(2);
    return value;
}

static unsigned char *bytes(FILE *file, size_t length) {
    unsigned char *found = malloc(length + 1);
    if (!found || fread(found, 1, length, file) != length) exit(2);
    return found;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    FILE *file;
    if (count != 4 || !(file = fopen(words[1], "rb"))) return 2;
    uint32_t rule_count = number(file);
    Rule *rules = calloc(rule_count, sizeof *rules);
    for (uint32_t i = 0; i < rule_count; i++) {
        uint32_t flags = number(file), length = number(file);
        unsigned char *text = bytes(file, length);
        uint32_t options = (flags & 1 ? PCRE2_CASELESS : 0) | (flags & 2 ? PCRE2_DOTALL : 0);
        int error; PCRE2_SIZE place;
        rules[i].code = pcre2_compile(text, length, options, &error, &place, NULL);
        if (rules[i].code) rules[i].data = pcre2_match_data_create_from_pattern(rules[i].code, NULL);
        free(text);
    }
    fclose(file);
    if (!(file = fopen(words[2], "rb"))) return 2;
    uint32_t chain_count = number(file);
    Chain *chains = calloc(chain_count, sizeof *chains);
    for (uint32_t i = 0; i < chain_count; i++) {
        chains[i].count = number(file);
        chains[i].rules = (uint32_t *)bytes(file, 4 * (size_t)chains[i].count);
    }
    uint32_t case_count = number(file);
    Case *cases = calloc(case_count, sizeof *cases);
    int64_t *answers = calloc(case_count, sizeof *answers);
    for (uint32_t i = 0; i < case_count; i++) {
        cases[i].chain = number(file);
        cases[i].length = number(file);
        cases[i].bytes = bytes(file, cases[i].length);
    }
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(limits, 50000);
    pcre2_set_depth_limit(limits, 1000);
    pcre2_set_heap_limit(limits, 10240);
    double begun = now(), best = 1e9;
    do {
        double start = now();
        for (uint32_t i = 0; i < case_count; i++) {
            Chain *chain = &chains[cases[i].chain];
            answers[i] = -1;
            for (uint32_t j = 0; j < chain->count && answers[i] < 0; j++) {
                Rule *rule = &rules[chain->rules[j]];
                if (rule->code && pcre2_match(rule->code, cases[i].bytes, cases[i].length, 0, 0,
                                              rule->data, limits) >= 0)
                    answers[i] = chain->rules[j];
            }
        }
        if (now() - start < best) best = now() - start;
    } while (now() - begun < atof(words[3]));
    for (uint32_t i = 0; i < case_count; i++) printf("%lld\n", (long long)answers[i]);
    printf("seconds %.6f\n", best);
    return 0;
}
