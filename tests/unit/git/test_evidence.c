/* Evidence and archive: what the branch says, pushed before it is read, and kept after STOP. */
#include "rig.h"

/* Writes docs/work-items/ORCH-042 with the entries "..", ".git" and one too long for any directory, and prints the root tree. */
#define FORGED_TREE                                                                                                                        \
    "import subprocess\n"                                                                                                                  \
    "def put(kind, data):\n"                                                                                                               \
    "    command = ['git', 'hash-object', '-w', '--literally', '--stdin', '-t', kind]\n"                                                   \
    "    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.strip().decode()\n"                            \
    "def tree(*entries):\n"                                                                                                                \
    "    return put('tree', b''.join(m + b' ' + n + bytes(1) + bytes.fromhex(i) for m, n, i in entries))\n"                                \
    "blob = put('blob', b'evil')\n"                                                                                                        \
    "inner = tree((b'100644', b'pwned', blob))\n"                                                                                          \
    "docs = tree((b'40000', b'..', inner), (b'40000', b'.git', inner), (b'100644', b'n' * 300, blob), (b'100644', b'ok.md', blob))\n"      \
    "for name in b'ORCH-042', b'work-items', b'docs':\n"                                                                                   \
    "    docs = tree((b'40000', name, docs))\n"                                                                                            \
    "print(docs)\n"

/* What is told of a file; NULL when that is not. */
static const char *
told(struct rig *r, const char *name, const char *what)
{
    struct json *file = json_at(json_at(r->info, "files"), name);
    return file ? json_str(file, what) : NULL;
}

static const char *
text_of(struct rig *r, const char *name)
{
    return told(r, name, "text");
}

static const char *
error_of(struct rig *r, const char *name)
{
    return told(r, name, "error");
}

static const char *
blob_of(struct rig *r, const char *name)
{
    return told(r, name, "blob");
}

static void
G1_collect__reads_the_branch_head_not_the_working_tree(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    int64_t     count = 0;

    rig_begin(r);
    rig_do(r, "cd \"$W\"; printf -- '---\\nverdict: APPROVED\\n---\\n' >" RIG_DOCS "/12-review.md; mkdir " RIG_DOCS "/06-adr; "
              "echo x >" RIG_DOCS "/06-adr/1.md; echo y >" RIG_DOCS "/06-adr/2.md; git add .; git commit -qm docs; "
              "echo REJECTED >" RIG_DOCS "/12-review.md; echo z >" RIG_DOCS "/13-test-report.md");
    assert_int_equal(rig_collect(r), 0);
    assert_string_equal(text_of(r, "12-review.md"), "---\nverdict: APPROVED\n---\n");
    assert_string_equal(text_of(r, "00-business-request.md"), RIG_CONTENT);
    assert_null(json_at(json_at(r->info, "files"), "13-test-report.md"));
    assert_true(json_int(json_at(json_at(r->info, "files"), "06-adr/"), "count", &count));
    assert_int_equal(count, 2);
    assert_sh(r, "git -C \"$W\" rev-parse HEAD", r->head);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

static void
G2_collect__names_the_bytes_of_each_file(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W/" RIG_DOCS "\"; echo x >12-review.md; printf 'a\\000b' >nul.md; git add .; git commit -qm docs");
    assert_int_equal(rig_collect(r), 0);
    assert_sh(r, "git -C \"$W\" rev-parse HEAD:" RIG_DOCS "/12-review.md", blob_of(r, "12-review.md"));
    assert_sh(r, "git -C \"$W\" rev-parse HEAD:" RIG_DOCS "/nul.md", blob_of(r, "nul.md"));
}

static void
G2_collect__does_not_count_what_is_no_document(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    int64_t     count = -1;

    rig_begin(r);
    rig_do(r, "mkdir \"$W/" RIG_DOCS "/06-adr\"; cd \"$W/" RIG_DOCS
              "/06-adr\"; echo x >.gitkeep; : >1.md; ln -s ../00-business-request.md 2.md; "
              "mkdir more; echo x >more/3.md; git add .; git commit -qm docs");
    assert_int_equal(rig_collect(r), 0);
    assert_true(json_int(json_at(json_at(r->info, "files"), "06-adr/"), "count", &count));
    assert_int_equal(count, 0);
}

static void
G2_collect__says_why_a_file_is_no_evidence(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r,
           "cd \"$W/" RIG_DOCS "\"; : >empty.md; printf 'a\\000b' >nul.md; printf '\\377\\376' >latin.md; ln -s /etc/passwd link.md; "
           "head -c 65536 /dev/zero | tr '\\0' x >large.md; head -c 65537 /dev/zero | tr '\\0' x >long.md; head -c 9MB /dev/zero >huge.md; "
           "git add .; git commit -qm docs");
    assert_int_equal(rig_collect(r), 0);
    assert_string_equal(text_of(r, "empty.md"), "");
    assert_string_equal(error_of(r, "nul.md"), "is not UTF-8 text");
    assert_string_equal(error_of(r, "latin.md"), "is not UTF-8 text");
    assert_string_equal(error_of(r, "link.md"), "is a symbolic link");
    assert_int_equal(strlen(text_of(r, "large.md")), 65536);
    assert_string_equal(error_of(r, "long.md"), "is longer than 64 KiB");
    assert_string_equal(error_of(r, "huge.md"), "is longer than 64 KiB");
}

static void
collect__without_docs_is_no_evidence_and_no_error(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; git rm -rq docs; git commit -qm none");
    assert_int_equal(rig_collect(r), 0);
    assert_string_equal(json_text(r->info), "{\"files\":{}}");
    rig_do(r, "cd \"$W\"; mkdir -p docs/work-items; echo x >" RIG_DOCS "; git add .; git commit -qm file");
    assert_int_equal(rig_collect(r), 0);
    assert_string_equal(json_text(r->info), "{\"files\":{}}");
}

static void
collect__works_without_the_worktree(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "rm -rf \"$W\"");
    assert_int_equal(rig_collect(r), 0);
    assert_non_null(text_of(r, "00-business-request.md"));
}

static void
S4_collect__never_forces_a_push(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *there;

    rig_begin(r);
    /* Seen by the mirror, then not: both ways of not being a fast-forward. */
    rig_do(r, "cd \"$W\"; echo x >b; git add b; git commit -qm b");
    assert_int_equal(rig_collect(r), 0);
    there = xstrdup(r->head);
    rig_do(r, "cd \"$W\"; git commit -q --amend -m rewritten");
    assert_int_equal(rig_collect(r), ERR_INVALID);
    assert_non_null(strstr(r->err.text, RIG_BRANCH));
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, there);
    free(there);

    rig_do(r, "cd person; git fetch -q; git checkout -q " RIG_BRANCH "; echo y >c; git add c; git commit -qm there; git push -q");
    there = rig_sh(r, "git -C forge.git rev-parse " RIG_BRANCH);
    assert_int_equal(rig_collect(r), ERR_INVALID);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, there);
    free(there);

    assert_int_equal(rig_worktree(r), 0); /* and the next run can push again */
    rig_do(r, "cd \"$W\"; echo z >d; git add d; git commit -qm d");
    assert_int_equal(rig_collect(r), 0);
}

static void
collect__pushes_the_branch_and_nothing_else(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo x >b; git add b; git commit -qm b; git tag v1; git branch other; git branch main");
    assert_int_equal(rig_collect(r), 0);
    assert_sh(r, "git -C forge.git for-each-ref --format='%(refname)'", "refs/heads/" RIG_BRANCH "\nrefs/heads/main");
    assert_sh(r, "git -C forge.git log -1 --format=%s main", "one");
}

static void
collect__of_a_branch_that_is_gone_says_so(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "git -C \"$M\" update-ref -d refs/heads/" RIG_BRANCH);
    assert_int_equal(rig_collect(r), ERR_GONE);
}

static void
TC_06_archive__keeps_files_and_head(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *head;

    rig_begin(r);
    rig_do(r, "cd \"$W\"; mkdir " RIG_DOCS "/06-adr; echo x >" RIG_DOCS "/06-adr/1.md; ln -s /etc/passwd " RIG_DOCS "/link; "
              "printf 'a\\000b' >" RIG_DOCS "/bin; : >" RIG_DOCS "/empty; git add .; git commit -qm docs");
    head = rig_sh(r, "git -C \"$W\" rev-parse HEAD");
    assert_int_equal(rig_archive(r), 0);
    assert_string_equal(r->head, head);
    assert_int_equal(r->count, 4);
    assert_string_equal(r->path + strlen(r->data), "/archive/42");
    assert_sh(r, "cd \"$D/archive/42\"; find . -type f | sort", "./00-business-request.md\n./06-adr/1.md\n./bin\n./empty");
    assert_sh(r, "cat \"$D/archive/42/00-business-request.md\"", "# Title\n\nWhat is wanted.");
    assert_false(rig_is(r, "[ -h \"$D/archive/42/link\" ]"));

    /* The rest of a clean-up, after which all is still there; and all of it again, as after a lost answer. */
    assert_int_equal(rig_remove(r), 0);
    rig_do(r, "git -C forge.git update-ref -d refs/heads/" RIG_BRANCH);
    assert_int_equal(rig_archive(r), 0);
    assert_string_equal(r->head, head);
    assert_int_equal(r->count, 4);
    rig_do(r, "git -C \"$M\" gc -q --prune=now");
    assert_sh(r, "git -C \"$M\" rev-parse refs/orch/archive/42", head);
    assert_sh(r, "git -C \"$M\" show refs/orch/archive/42:" RIG_DOCS "/06-adr/1.md", "x");
    free(head);
}

static void
archive__without_a_branch_or_docs_is_success(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_archive(r), 0);
    assert_string_equal(r->head, "");
    assert_null(r->path);
    assert_int_equal(r->count, 0);
    rig_begin(r);
    rig_do(r, "cd \"$W\"; git rm -rq docs; git commit -qm none");
    assert_int_equal(rig_archive(r), 0);
    assert_int_equal(r->count, 0);
    assert_sh(r, "git -C \"$M\" rev-parse refs/orch/archive/42", r->head);
}

static void
archive__takes_the_newest_of_here_and_there(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *there;

    rig_begin(r);
    rig_do(r, "cd person; git fetch -q; git checkout -q " RIG_BRANCH "; echo x >b; git add b; git commit -qm there; git push -q");
    there = rig_sh(r, "git -C forge.git rev-parse " RIG_BRANCH);
    assert_int_equal(rig_archive(r), 0);
    assert_string_equal(r->head, there);
    /* Where a file was is a directory now. */
    rig_do(r, "cd person; git rm -q " RIG_REQUEST "; mkdir -p " RIG_REQUEST "; echo y >" RIG_REQUEST
              "/part; git add .; git commit -qm split; git push -q");
    free(there);
    there = rig_sh(r, "git -C forge.git rev-parse " RIG_BRANCH);
    assert_int_equal(rig_archive(r), 0);
    assert_sh(r, "cd \"$D/archive/42\"; find . -type f", "./00-business-request.md/part");
    /* Both have gone on: neither is lost. */
    rig_do(r, "cd \"$W\"; git commit -q --allow-empty -m here");
    assert_int_equal(rig_archive(r), 0);
    assert_sh(r, "git -C \"$M\" rev-parse " RIG_BRANCH, r->head);
    assert_sh(r, "git -C \"$M\" for-each-ref --format='%(objectname)' refs/orch/kept/42/", there);
    free(there);
}

static void
archive__refuses_names_that_lead_outside(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; tree=$(python3 <<'END'\n" FORGED_TREE "END\n); git update-ref refs/heads/" RIG_BRANCH
              " $(git commit-tree -p HEAD -m evil $tree)");
    if (rig_archive(r))
        fail_msg("%s", r->err.text);
    assert_sh(r, "cd \"$D/archive\"; find . -type f", "./42/ok.md");
    assert_int_equal(r->count, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(G1_collect__reads_the_branch_head_not_the_working_tree),
        RIG_TEST(G2_collect__names_the_bytes_of_each_file),
        RIG_TEST(G2_collect__does_not_count_what_is_no_document),
        RIG_TEST(G2_collect__says_why_a_file_is_no_evidence),
        RIG_TEST(collect__without_docs_is_no_evidence_and_no_error),
        RIG_TEST(collect__works_without_the_worktree),
        RIG_TEST(S4_collect__never_forces_a_push),
        RIG_TEST(collect__pushes_the_branch_and_nothing_else),
        RIG_TEST(collect__of_a_branch_that_is_gone_says_so),
        RIG_TEST(TC_06_archive__keeps_files_and_head),
        RIG_TEST(archive__without_a_branch_or_docs_is_success),
        RIG_TEST(archive__takes_the_newest_of_here_and_there),
        RIG_TEST(archive__refuses_names_that_lead_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
