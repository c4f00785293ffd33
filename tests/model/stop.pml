/* stop: a STOP holds through every order of claim, start, end, reaper, retry, crash, restart, cut and deploy.
 *
 *   rows        task: WORKING -> DEPLOYING -> MERGED, and the sink CANCELLED      job: QUEUED -> RUNNING -> ENDED (done, failed, cancelled)
 *   hand        what orchd does for a run: ASKED -> PREPARING -> STARTED -> CONCLUDING -> PUSHING -> FINISHING
 *   body        the processes of a run: BORN (its warden) -> LIVE (the command, and all below it) -> TERMED -> none
 *
 * Each function of sql/functions is one step, except where others can come between its statements: a STOP decides and then writes, with
 * the task's row and its jobs locked. A claim is sent, committed and answered in three. Node 0 may be killed (CRASHES) at any point, cut
 * off from Postgres (CUTS) or suspended (a cut node that does nothing), with the answers under way lost; it comes back later, or never.
 * Node 1 is well. A NOTIFY is left out, as it may be lost: a node hears by its heartbeat, at any later time.
 * The lease is counted in thirds: Postgres counts from the commit of the last heartbeat, the wardens from when it was sent, which is
 * earlier. A kill, or a push to the forge, takes less than a third. What an effect does, it does before its token ends.
 *
 * Promises, for every interleaving; the last four when nothing more can happen:
 *   one         at most one live process a job                          revived    no job of a finished task is queued or runs
 *   fence       a run settles its job only when no other works at it     once       a delivery is applied once, and one STOP cancels
 *   early       clean-up comes when no process and no push is left       lane       a new task's branch comes after the old one's end
 *   merge       what is merged is not cancelled, and the reverse         torn       a begun deploy is not ended, dropped or run again
 *   stranger    a process that is not ours is never signalled
 *   gone     a cancelled task has no process                          clean      its clean-up is done, and its branch is gone
 *   overdue     no deferred STOP is left                                 settled    no run is open, and no job waits
 *
 * Each guard of the protocol has a switch M_… that takes it out; tests/model/run shows that each then breaks a promise. */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef COPIES
#define COPIES 2                /* of one delivery */
#endif
#ifndef STOPS
#define STOPS 1                 /* by another door */
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#define RUNS 3
#define LEASE 3
#ifndef M_FENCE_AT_LEASE
#define FENCE 2
#else
#define FENCE LEASE
#endif
#define NOBODY 7

mtype:stage = { WORKING, DEPLOYING, MERGED, CANCELLED };
mtype:phase = { CLOSED_PHASE, PARKED, CONFIRMED, BEGUN };
mtype:job = { NO_JOB, QUEUED, RUNNING, ENDED };
mtype:row = { FREE, OPEN, CLOSED };
mtype:hand = { NO_HAND, ASKED, PREPARING, STARTED, CONCLUDING, PUSHING, FINISHING };
mtype:body = { NO_BODY, BORN, LIVE, TERMED };
mtype:outcome = { NO_OUTCOME, GOOD, BAD, GIVEN_BACK, LOST };
mtype:node = { UP, DOWN, STARTING };
mtype:claim = { NOT_SENT, SENT, ADRIFT, ORPHANED };
mtype:effect = { NO_EFFECT, MERGE, ARCHIVE, DELETE, START };
mtype:branch = { GONE, OLD, NEW };

/* The rows. */
mtype:stage  stage = WORKING;
mtype:phase  phase = CLOSED_PHASE;  /* of the deploy; while it is open the task holds the merge lease */
bit          is_asked;              /* cancel_requested_at */
mtype:job    job[2] = NO_JOB;                /* 0 works, 1 deploys */
byte         job_run[2];
byte         attempts;
mtype:row    row[RUNS] = FREE;
bit          node_of[RUNS], is_deploy[RUNS];
bit          is_mine[RUNS];         /* of the incarnation that runs now */
bit          is_told[RUNS];         /* the process is recorded */
bit          is_merge_due, is_seen;
mtype:effect clean_up = NO_EFFECT;  /* the next of the chain */
bit          is_clean, is_next_due; /* is_next_due: To Analyse came again, its branch is to be made */
bit          has_next;
byte         token = NOBODY;        /* who has the first effect of the lane */
byte         task_lock = NOBODY;    /* door that has the task's row, between its statements */
bit          is_gone;               /* node 0, by the reaper */

/* The world. */
mtype:hand    hand[RUNS] = NO_HAND;
mtype:body    body[RUNS] = NO_BODY;
mtype:outcome outcome[RUNS] = NO_OUTCOME;
bit           is_stopping[RUNS];    /* the node was told to stop it */
bit           has_lived[RUNS];      /* the command was executed */
bit           is_taken[RUNS];       /* the pid of its ended process is a stranger's */
mtype:node    node0 = UP;
mtype:claim   claim0 = NOT_SENT;
bit           is_claim_lost, is_cut, is_forsaken;
byte          age_pg, age_node;     /* thirds of the lease since the last heartbeat */
mtype:effect  under_way[2] = NO_EFFECT;
bit           has_acted[2];
mtype:branch  branch = OLD;
bit           is_merged;
bit           is_endless;           /* no agent ends by itself any more */
byte          crashes = CRASHES, cuts = CUTS, copies = COPIES, retries = RETRIES, stops = STOPS, confirms = 1, strangers = 1;
byte          cancels, applied;
#ifdef M_NO_POLL
bit           is_rung;
#endif
#ifdef M_RETRY_DEAD_MERGE
bit           is_dead;              /* the merge */
#endif

hidden byte one, fence, early, merge, stranger, gone, overdue, revived, once, lane, torn, clean, settled;
#define promise(name, condition) name = (condition); assert(name)

#define SOME(p) (p(0) || p(1) || p(2))
#define is_open(r) (row[r] == OPEN)
#define is_alive(r) (body[r] == LIVE || body[r] == TERMED)
#define has_body(r) (body[r] != NO_BODY)
#define is_pushing(r) (hand[r] == PUSHING)
#define is_held(r) (hand[r] == PREPARING || hand[r] == STARTED || hand[r] == CONCLUDING || hand[r] == PUSHING)
#define is_at_0(r) (row[r] == OPEN && node_of[r] == 0)
#define is_leftover(r) (is_at_0(r) && !is_mine[r])
#define is_unheld(r) (is_at_0(r) && is_mine[r] && hand[r] == NO_HAND)
#define is_late(r) (row[r] != FREE && node_of[r] == 0 && (has_body(r) || LATE_PUSH(r)))
#ifdef M_LATE_PUSH
#define LATE_PUSH(r) false
#else
#define LATE_PUSH(r) is_pushing(r)
#endif
#define is_other_at_work(x) (x != r && row[x] != FREE && is_deploy[x] == k && is_alive(x))

#define is_terminal (stage == MERGED || stage == CANCELLED)
#define is_active (job[0] == QUEUED || job[0] == RUNNING || job[1] == QUEUED || job[1] == RUNNING)
#ifdef M_CRITICAL_PHASE_ONLY
#define is_critical (phase == BEGUN)
#else
#define is_critical (phase == BEGUN || phase != CLOSED_PHASE && (job[0] == RUNNING || job[1] == RUNNING || SOME(is_open)))
#endif
#define is_free (task_lock == NOBODY)
#define has_sql(n) (n == 1 || node0 == UP && !is_cut)
#define is_up(n) (n == 1 || node0 == UP)
#define is_leased(n) (n == 1 || age_node < FENCE)
#define is_theirs(r) (job[is_deploy[r]] == RUNNING && job_run[is_deploy[r]] == r)
#define is_fenced(r) (node_of[r] == 0 && age_node >= FENCE)

/* --- what stands behind the functions of sql/ ----------------------------------------------------------------------------------------- */

inline tidy(r)
{
    if
    :: row[r] == CLOSED && hand[r] == NO_HAND && body[r] == NO_BODY ->
        row[r] = FREE;
        node_of[r] = 0; is_deploy[r] = 0; is_mine[r] = 0; is_told[r] = 0;
        outcome[r] = NO_OUTCOME; is_stopping[r] = 0; has_lived[r] = 0; is_taken[r] = 0
    :: else
    fi
}

inline check_rows()
{
    promise(revived, !(is_terminal && (job[0] == QUEUED || job[1] == QUEUED) || stage == CANCELLED && is_active))
}

inline ring()
{
#ifdef M_NO_POLL
    is_rung = SOME(is_open)
#else
    skip
#endif
}

inline end_jobs()
{
    job[0] = (job[0] == NO_JOB -> NO_JOB : ENDED);
    job[1] = (job[1] == NO_JOB -> NO_JOB : ENDED)
}

inline cancel_task()
{
    promise(merge, !is_merged);
    end_jobs();
    phase = CLOSED_PHASE;
    is_merge_due = is_merge_due && token != NOBODY;
    is_asked = false;
    stage = CANCELLED;
    clean_up = ARCHIVE;
    cancels++;
    promise(once, cancels == 1);
    ring()
}

inline apply_cancel()
{
#ifndef M_NO_APPLY
    if
    :: is_asked && !is_terminal && !is_critical -> cancel_task()
    :: else
    fi
#else
    skip
#endif
}

/* Back to work, where a person has to look at it: more returns than one would only repeat what is here. */
inline send_back()
{
    phase = CLOSED_PHASE;
    apply_cancel();
    if
    :: stage == DEPLOYING -> stage = WORKING
    :: else
    fi
}

inline fail_job()
{
    if
    :: k == 0 && attempts < ATTEMPTS -> job[k] = QUEUED
    :: else ->
        job[k] = ENDED;
        if
        :: k == 1 && stage == DEPLOYING -> send_back()
        :: else -> apply_cancel()
        fi
    fi
}

inline settle_job(r, how)
{
#ifndef M_UNTOLD_START
    if
    :: k == 1 && has_lived[r] && phase == CONFIRMED -> phase = BEGUN
    :: else
    fi;
#endif
    if
    :: k == 1 && how != GOOD && phase == BEGUN -> fail_job()
    :: how == GIVEN_BACK && !(k == 1 && phase == BEGUN) ->
        promise(torn, !(k == 1 && has_lived[r]));
        attempts = (k == 0 && attempts > 0 -> attempts - 1 : attempts);
        job[k] = QUEUED
    :: (how == BAD || how == LOST) && !(k == 1 && phase == BEGUN) -> fail_job()
    :: how == GOOD ->
        job[k] = ENDED;
        apply_cancel();
        promise(torn, !(k == 1 && stage == CANCELLED));
        if
        :: stage == WORKING && k == 0 -> stage = DEPLOYING; phase = PARKED
        :: stage == DEPLOYING && k == 1 -> phase = BEGUN; is_merge_due = true
        :: else
        fi
    fi
}

/* OR410, and nothing changes, when the run is closed. */
inline finish_run(r, how)
{
    k = is_deploy[r];
    if
#ifdef M_NO_FENCE
    :: row[r] == OPEN || job[k] == RUNNING ->
        row[r] = CLOSED;
        if
        :: job[k] == RUNNING ->
#else
    :: row[r] == OPEN ->
        row[r] = CLOSED;
        if
        :: is_theirs(r) ->
#endif
            promise(fence, !SOME(is_other_at_work));
            if
            :: is_terminal -> job[k] = ENDED
            :: else -> settle_job(r, how)
            fi
        :: else
        fi;
        apply_cancel()
    :: else
    fi;
    check_rows();
    k = 0
}

/* Between the two statements of a STOP others may take a job, unless its jobs are locked as well. */
#ifdef M_CLAIM_BETWEEN
#define can_take true
#else
#define can_take is_free
#endif
#if defined(M_CLAIM_ANY)
#define is_claimable(k) (job[k] == QUEUED || job[k] == ENDED)
#else
#define is_claimable(k) (job[k] == QUEUED && !is_terminal)
#endif
#define can_claim (can_take && !SOME(is_open) && (is_claimable(0) || is_claimable(1)))

inline claim_job(n, mine, answer)
{
    r = 0;
    do
    :: r < RUNS && row[r] != FREE -> r++
    :: else -> break
    od;
    assert(r < RUNS);                                   /* the model's own bound */
    k = (is_claimable(0) -> 0 : 1);
    job[k] = RUNNING;
    job_run[k] = r;
    attempts = (k == 0 -> attempts + 1 : attempts);
    row[r] = OPEN;
    node_of[r] = n;
    is_deploy[r] = k;
    is_mine[r] = mine;
    hand[r] = answer;
    check_rows();
    r = 0;
    k = 0
}

#ifdef M_NO_TASK_LOCK
#define can_lock true
#else
#define can_lock is_free
#endif

/* --- the doors ------------------------------------------------------------------------------------------------------------------------ */

#ifdef M_NO_DEDUPE
#define is_repeated false
#else
#define is_repeated is_seen
#endif

/* Door 0 is the webhook: one delivery, that the board repeats; door 1 is any other. The answer is not modelled. */
proctype door(byte me)
{
    byte k;
    bit  is_to_cancel, is_to_defer;

end:
    do
    :: d_step { (me == 0 && copies > 0 || me == 1 && stops > 0) && can_lock ->
        if
        :: me == 0 -> copies--
        :: else -> stops--
        fi;
        if
        :: me == 0 && is_repeated
        :: else ->
            is_seen = is_seen || me == 0;
            if
            :: me == 0 && stage == CANCELLED && has_next -> applied++; promise(once, applied == 1)
            :: else
            fi;
            is_to_defer = !is_terminal && !is_asked && is_critical;
            is_to_cancel = !is_terminal && !is_asked && !is_critical;
            if
            :: is_to_defer || is_to_cancel -> task_lock = me
            :: else
            fi
        fi
       }
    :: d_step { is_to_cancel || is_to_defer ->
        applied = applied + (me == 0);
        if
        :: is_to_cancel -> cancel_task()
        :: else ->
            is_asked = true;
            job[0] = (job[0] == QUEUED -> ENDED : job[0]);
            job[1] = (job[1] == QUEUED -> ENDED : job[1])
        fi;
        check_rows();
        is_to_cancel = false;
        is_to_defer = false;
        task_lock = NOBODY
       }
    :: d_step { me == 0 && copies > 0 -> copies = 0 }
    :: d_step { me == 1 && stops > 0 -> stops = 0 }
    od
}
/* --- one run: the hand of orchd, and the body ----------------------------------------------------------------------------------------- */

#define n (node_of[me])

inline conclude(how)
{
    hand[me] = FINISHING;
    outcome[me] = (is_stopping[me] -> BAD : how)
}

proctype run_slot(byte me)
{
    byte k;

end:
    do
    :: d_step { hand[me] == ASKED && has_sql(n) -> hand[me] = PREPARING }
    :: d_step { hand[me] == PREPARING && is_up(n) && (is_stopping[me] || !is_leased(n)) -> conclude(GIVEN_BACK) }
    :: d_step { hand[me] == PREPARING && is_up(n) && !is_stopping[me] && is_leased(n) -> hand[me] = STARTED; body[me] = BORN }

    /* The warden. It starts nothing when its lease is over. */
    :: d_step { body[me] == BORN && is_leased(n) ->
        promise(one, !SOME(is_alive));
        body[me] = LIVE;
        has_lived[me] = true
       }
#ifndef M_NO_LEASE
    :: d_step { has_body(me) && is_fenced(me) ->
        body[me] = NO_BODY;
        if
        :: hand[me] == STARTED -> conclude(GIVEN_BACK)
        :: else
        fi;
        tidy(me)
       }
#endif
    :: d_step { has_body(me) && hand[me] == NO_HAND -> body[me] = NO_BODY; tidy(me) }    /* the socket has ended */
    :: d_step { body[me] == NO_BODY && is_told[me] && strangers > 0 -> strangers--; is_taken[me] = true }

    :: d_step { hand[me] == STARTED && body[me] == LIVE && !is_told[me] && !is_stopping[me] && has_sql(n) && is_free ->
        if
        :: row[me] == OPEN ->
            is_told[me] = true;
            if
            :: is_theirs(me) ->
                if
                :: is_deploy[me] && phase == CONFIRMED -> phase = BEGUN
                :: else
                fi
            :: else ->
#ifndef M_NEVER_UNWANTED
                is_stopping[me] = true
#else
                skip
#endif
            fi
        :: else -> is_stopping[me] = true
        fi
       }

    /* A ring or the answer to a heartbeat: which runs of this node are no longer wanted. */
#ifndef M_NO_POLL
    :: d_step { row[me] == OPEN && !is_theirs(me) && !is_stopping[me] && is_held(me) && has_sql(n) -> is_stopping[me] = true }
#endif
    :: d_step { is_stopping[me] && hand[me] == STARTED && body[me] == LIVE && is_up(n) ->
        promise(torn, !(is_deploy[me] && stage == CANCELLED));
        body[me] = TERMED
       }
    :: d_step { stage == CANCELLED && !is_endless && has_body(me) -> is_endless = true }
    :: d_step { hand[me] == STARTED && body[me] == LIVE && is_up(n) && !is_endless -> body[me] = NO_BODY; conclude(BAD) }
    :: d_step { hand[me] == STARTED && body[me] == TERMED && is_up(n) -> body[me] = NO_BODY; conclude(BAD) }
    :: d_step { hand[me] == STARTED && body[me] == LIVE && is_up(n) && !is_endless && !is_stopping[me] ->
        body[me] = NO_BODY;
        hand[me] = CONCLUDING
       }

    :: d_step { hand[me] == CONCLUDING && is_up(n) && (is_stopping[me] || !is_leased(n)) -> conclude(GIVEN_BACK) }
    :: d_step { hand[me] == CONCLUDING && is_up(n) && !is_stopping[me] && is_leased(n) -> hand[me] = PUSHING }
    :: d_step { hand[me] == PUSHING && is_up(n) ->
        branch = (branch == GONE -> OLD : branch);
        conclude(GOOD)
       }
    :: d_step { hand[me] == FINISHING && has_sql(n) && is_free ->
        finish_run(me, outcome[me]);
        hand[me] = NO_HAND;
        is_stopping[me] = false;
        outcome[me] = NO_OUTCOME;
        tidy(me)
       }
    od
}
#undef n

/* --- a node --------------------------------------------------------------------------------------------------------------------------- */

#ifdef M_NO_MARK
#define SWEPT(r) is_told[r]
#else
#define SWEPT(r) true
#endif

/* By pid, start time and mark: another process of that number is none of ours. */
inline sweep(r)
{
#ifdef M_BY_PID
    promise(stranger, !is_taken[r])
#else
    skip
#endif
#ifndef M_NO_SWEEP
    ;
    body[r] = (SWEPT(r) -> NO_BODY : body[r])
#endif
}

/* The first effect of the lane: what touches a branch waits for all that touched it before. */
#define is_clean_up_due (clean_up != NO_EFFECT)
#ifdef M_NO_LANE
#define starts_first true
#else
#define starts_first false
#endif
#define clean_up_or_start (is_clean_up_due -> (clean_up) : (is_next_due -> START : NO_EFFECT))
#define first_effect (is_merge_due -> MERGE : (starts_first && is_next_due -> START : clean_up_or_start))
#ifdef M_CLEAN_EARLY
#define may_clean true
#else
#define may_clean (!SOME(is_open))
#endif
#define is_token_free(n) (token == NOBODY || token == n && under_way[n] == NO_EFFECT || token == 0 && n == 1 && (is_cut || node0 != UP))
#ifdef M_LATE_EFFECT
#define is_token_good(n) true
#else
#define is_token_good(n) (token == n)
#endif

inline act(n)
{
    has_acted[n] = true;
    if
    :: under_way[n] == MERGE -> promise(merge, stage == DEPLOYING); is_merged = true
    :: under_way[n] == ARCHIVE -> promise(early, !SOME(has_body) && !SOME(is_pushing))
    :: under_way[n] == DELETE ->
        promise(early, !SOME(has_body) && !SOME(is_pushing));
        promise(lane, branch != NEW);
        branch = GONE
    :: under_way[n] == START -> promise(lane, branch != OLD); branch = NEW
    fi
}

inline effect_done(n)
{
    if
    :: under_way[n] == MERGE ->
        is_merge_due = false;
        if
        :: stage == DEPLOYING ->
            phase = CLOSED_PHASE;
            is_asked = false;
            stage = MERGED
        :: else
        fi
    :: under_way[n] == ARCHIVE -> clean_up = DELETE
    :: under_way[n] == DELETE -> clean_up = NO_EFFECT; is_clean = true
    :: under_way[n] == START -> is_next_due = false
    fi;
    token = NOBODY;
    check_rows()
}

inline forget_effect(n)
{
    under_way[n] = NO_EFFECT;
    has_acted[n] = false
}

/* orchd of node 0 ends, with all that it knew. Its wardens see that. */
inline end_node()
{
    r = 0;
    do
    :: r < RUNS ->
        if
        :: row[r] != FREE && node_of[r] == 0 ->
            hand[r] = NO_HAND;
            outcome[r] = NO_OUTCOME;
            is_stopping[r] = 0;
            is_mine[r] = 0;
            tidy(r)
        :: else
        fi;
        r++
    :: else -> break
    od;
    r = 0;
    forget_effect(0);
    is_claim_lost = false;
    is_cut = false;
    claim0 = (claim0 == NOT_SENT -> NOT_SENT : ORPHANED);
    node0 = DOWN
}

proctype outbox(byte me)
{
    byte k;

end:
    do
    :: d_step { under_way[me] == NO_EFFECT && first_effect != NO_EFFECT && has_sql(me) && is_token_free(me) &&
                (first_effect == MERGE || first_effect == START || may_clean) ->
        under_way[me] = first_effect;
        token = me
       }
    :: d_step { under_way[me] != NO_EFFECT && !has_acted[me] && is_up(me) && is_token_good(me) -> act(me) }
    :: d_step { under_way[me] == MERGE && !has_acted[me] && !is_merged && has_sql(me) && token == me && is_free ->
        is_merge_due = false;                                       /* refused for good: the effect is dead */
#ifdef M_RETRY_DEAD_MERGE
        is_dead = true;
#endif
        token = NOBODY;
        if
        :: stage == DEPLOYING -> send_back()
        :: else
        fi;
        check_rows();
        forget_effect(me)
       }
    :: d_step { under_way[me] != NO_EFFECT && (has_acted[me] || token != me) && has_sql(me) && is_free ->
        if
        :: token == me -> effect_done(me)
        :: else                                                     /* OR410 */
        fi;
        forget_effect(me)
       }
    od
}

proctype claimer()
{
    byte r, k;

end:
    do
    :: d_step { can_claim -> claim_job(1, true, PREPARING) }

#ifdef M_NO_POLL
    :: d_step { is_rung && (has_sql(0) || node0 == UP) ->
        do
        :: r < RUNS ->
            is_stopping[r] = is_stopping[r] || row[r] == OPEN && !is_theirs(r) && is_held(r) && has_sql(node_of[r]);
            r++
        :: else -> break
        od;
        r = 0;
        is_rung = false
       }
#ifndef RINGS_ARRIVE
    :: d_step { is_rung -> is_rung = false }
#endif
#endif
    /* Sent after a look at the node's row, committed when Postgres comes to it, and heard of by whoever asked, if he can. */
    :: d_step { can_claim && claim0 == NOT_SENT && has_sql(0) && !is_gone && !is_claim_lost -> claim0 = SENT }
    :: d_step { claim0 != NOT_SENT && !can_claim && claim0 != SENT -> claim0 = NOT_SENT }
    :: d_step { claim0 == SENT && !can_claim && can_take -> claim0 = NOT_SENT }
    :: d_step { claim0 == SENT && can_claim -> claim_job(0, true, ASKED); claim0 = NOT_SENT }
    :: d_step { (claim0 == ADRIFT || claim0 == ORPHANED) && can_claim -> claim_job(0, claim0 == ADRIFT, NO_HAND); claim0 = NOT_SENT }
    :: d_step { node0 == UP && is_claim_lost && has_sql(0) && !is_gone && is_free ->
        do
        :: r < RUNS && is_unheld(r) -> finish_run(r, GIVEN_BACK); tidy(r); r++
        :: r < RUNS && !is_unheld(r) -> r++
        :: else -> break
        od;
        r = 0;
        is_claim_lost = false
       }
    od
}

#ifdef M_NO_LEASE
#define is_kill_due false
#else
#define is_kill_due (age_node >= FENCE && SOME(is_late))
#endif

proctype node_0()
{
    byte r, k;

end:
    do
    :: d_step { crashes > 0 && node0 != DOWN -> crashes--; end_node() }
    :: d_step { crashes > 0 -> crashes = 0 }
    :: d_step { node0 == DOWN && !is_forsaken -> node0 = STARTING; is_gone = false; age_pg = 0; age_node = 0 }
    :: d_step { node0 == STARTING && is_free && SOME(is_leftover) ->
        do
        :: r < RUNS && is_leftover(r) -> sweep(r); finish_run(r, LOST); tidy(r); r++
        :: r < RUNS && !is_leftover(r) -> r++
        :: else -> break
        od;
        r = 0
       }
    :: d_step { node0 == STARTING && !SOME(is_leftover) -> node0 = UP; is_claim_lost = true }

    /* The cut, which may also be a suspended orchd. When the answer to the last heartbeat was lost, the wardens are a third older. */
    :: atomic { cuts > 0 && node0 == UP ->
        cuts--;
        is_cut = true;
        if
#ifdef M_FENCE_FROM_ANSWER
        :: age_pg = 1
#else
        :: skip
        :: age_node = 1
#endif
        fi;
        d_step {
            do
            :: r < RUNS && hand[r] == ASKED && node_of[r] == 0 -> hand[r] = NO_HAND; is_claim_lost = true; r++
            :: r < RUNS && !(hand[r] == ASKED && node_of[r] == 0) -> r++
            :: else -> break
            od;
            r = 0;
            is_claim_lost = is_claim_lost || claim0 == SENT;
            claim0 = (claim0 == SENT -> ADRIFT : claim0)
        }
       }
    :: d_step { cuts > 0 -> cuts = 0 }
    :: d_step { is_cut && !is_forsaken -> is_cut = false }
    :: d_step { (is_cut || node0 == DOWN) && !is_forsaken -> is_forsaken = true }
    :: d_step { (is_cut || node0 == DOWN) && age_pg < LEASE && !is_kill_due ->
        age_pg++;
        age_node = (age_node < LEASE -> age_node + 1 : age_node)
       }
    /* The next heartbeat: it goes on, or, with OR410, it gives up all. */
    :: d_step { node0 == UP && !is_cut && (is_gone || age_node > 0 || age_pg > 0) ->
        age_pg = 0;
        age_node = 0;
        if
        :: is_gone -> end_node()
        :: else
        fi
       }
    od
}

/* --- upkeep and people ---------------------------------------------------------------------------------------------------------------- */

#ifdef M_REAP_UNSTARTED
#define is_nobodys(r) (is_open(r) && !is_told[r])
#else
#define is_nobodys(r) (is_open(r) && !is_told[r] && hand[r] == NO_HAND && body[r] == NO_BODY)    /* half an hour without a start */
#endif
#define is_node_over (age_pg >= LEASE && (is_cut || node0 == DOWN) || is_gone)

proctype upkeep()
{
    byte r, k;

end:
    do
    :: d_step { is_node_over && (!is_gone || SOME(is_at_0)) && is_free ->
        is_gone = true;
        do
        :: r < RUNS && is_at_0(r) ->
#ifdef M_REAPER_REVIVES
            job[is_deploy[r]] = QUEUED;
            row[r] = CLOSED;
            check_rows();
#else
            finish_run(r, LOST);
#endif
            tidy(r);
            r++
        :: r < RUNS && !is_at_0(r) -> r++
        :: else -> break
        od;
        r = 0
       }
    :: d_step { SOME(is_nobodys) && is_free ->
        do
        :: r < RUNS && is_nobodys(r) -> finish_run(r, LOST); tidy(r); r++
        :: r < RUNS && !is_nobodys(r) -> r++
        :: else -> break
        od;
        r = 0
       }
#ifndef M_NO_SWEEPER
    :: d_step { is_asked && !is_terminal && !is_critical && is_free -> cancel_task(); check_rows() }
#endif
    od
}

#define is_retriable(k) (job[k] == ENDED && !is_active && RETRIABLE(k))
#ifdef M_RETRY_REVIVES
#define RETRIABLE(k) true
#else
#define RETRIABLE(k) (k == 0 && stage == WORKING || k == 1 && stage == DEPLOYING && phase != CLOSED_PHASE && RETRIABLE_PHASE)
#endif
#ifdef M_RETRY_IN_DEPLOY
#define RETRIABLE_PHASE true
#else
#define RETRIABLE_PHASE (phase != BEGUN)
#endif

proctype people()
{
end:
    do
    :: d_step { confirms > 0 && phase == PARKED && is_free -> confirms--; phase = CONFIRMED; job[1] = QUEUED }
    :: d_step { confirms > 0 -> confirms = 0 }
    :: d_step { retries > 0 && is_retriable(0) && is_free -> retries--; attempts = 0; job[0] = QUEUED; check_rows() }
    :: d_step { retries > 0 && is_retriable(1) && is_free -> retries--; job[1] = QUEUED; check_rows() }
    :: d_step { retries > 0 -> retries = 0 }
#ifdef M_RETRY_DEAD_MERGE
    :: d_step { is_dead && is_free && !is_terminal -> is_dead = false; is_merge_due = true }
#endif
    :: d_step { stage == CANCELLED && !has_next -> has_next = true; is_next_due = true }
    od
}

proctype watch()
{
end:
    atomic { timeout ->
        promise(gone, !(stage == CANCELLED && SOME(has_body)));
        promise(overdue, !is_asked);
        promise(settled, !SOME(is_open) && job[0] != QUEUED && job[1] != QUEUED);
        promise(clean, stage != CANCELLED || is_clean && branch != OLD && !is_next_due)
    }
}

init {
    atomic {
#ifdef FROM_DEPLOY
        stage = DEPLOYING;
        phase = PARKED;
        job[0] = ENDED;
#else
        job[0] = QUEUED;
#endif
        run door(0);
        run door(1);
        run run_slot(0);
        run run_slot(1);
        run run_slot(2);
        run outbox(0);
        run outbox(1);
        run claimer();
        run node_0();
        run upkeep();
        run people();
        run watch()
    }
}
