/* wakeup: no wake-up is lost although an enqueue rings only when some node is idle: orch.wake_nodes(), orch.node_idle(), worker/doorbell.c.
 *
 *   node:   AWAKE -> LINGER -> GOING -> SETTLING -> ASLEEP       producer: insert (takes its xid) -> test the key -> commit | roll back
 *             ^________|_________|_________|___________|  ring, found something
 *
 * Each of PRODUCERS runs one transaction that makes one job ready; each of NODES claims one job after the other. The key is the advisory
 * lock: idle nodes share it, a producer tests it with an exclusive try and an unlock, which are two steps here. A claim locks its row, then
 * commits, and others step over locked rows. LOSSES connections are lost, each with its lock and its undelivered rings, and noticed at any
 * later time; CRASHES nodes die at any point, with what they had locked, and may start again. The poll is left out, so that the proof does
 * not lean on it.
 *
 * Promises, for every interleaving:
 *   quiet   when nothing more can happen, no job is ready while a node sleeps                                    (in watch)
 *   calm    a ring means that a node is idle, or that another producer is testing at this moment                 (in producer)
 *   taken   it is never so that from some moment on a job stays ready while a node sleeps undisturbed            (with -DLTL)
 *
 * Each guard of the protocol has a switch M_… that takes it out; tests/model/run shows that each then breaks a promise. */
#ifndef PRODUCERS
#define PRODUCERS 3
#endif
#ifndef NODES
#define NODES 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define NOBODY 255
#define BIT(t) (1 << (t))

mtype:state = { AWAKE, LINGER, GOING, LOCKED, SETTLING, LAST, LOOKED, ASLEEP, DEAD };
mtype:job = { NONE, READY, HELD };

mtype:job job[PRODUCERS];       /* NONE: not to be seen, or no more. HELD: locked by a claim in progress; a snapshot shows it as ready */
byte      open;                 /* transactions in progress that have an xid, as a set */
byte      passed;               /* of these: an xid above theirs has completed, so that they are below a snapshot's xmax */
byte      tester = NOBODY;      /* who holds the key exclusively */
byte      begun, finished;      /* producers that have their xid, and those that are through */

mtype:state state[NODES];
bit       has_key[NODES];       /* the server's truth: this node's session shares the key */
bit       rung[NODES];          /* a ring is delivered, or on its way */
bit       is_lost[NODES];       /* the LISTEN connection is gone, the node does not know yet */
byte      horizon[NODES];       /* transactions to outlast */
byte      claimed[NODES];       /* the job whose row this node has locked */
byte      losses = LOSSES, crashes = CRASHES;

hidden byte quiet, calm;        /* so that a search says which promise it found broken */
#define promise(name, condition) name = (condition); assert(name)

#if NODES == 1
#define SOME(p) (p(0))
#define EVERY(p) (p(0))
#elif NODES == 2
#define SOME(p) (p(0) || p(1))
#define EVERY(p) (p(0) && p(1))
#else
#define SOME(p) (p(0) || p(1) || p(2))
#define EVERY(p) (p(0) && p(1) && p(2))
#endif
#if PRODUCERS == 1
#define SOME_JOB(s) (job[0] == s)
#elif PRODUCERS == 2
#define SOME_JOB(s) (job[0] == s || job[1] == s)
#else
#define SOME_JOB(s) (job[0] == s || job[1] == s || job[2] == s)
#endif

#define is_keeping(n) (has_key[n])
#define is_idle(n) (state[n] == LOCKED || state[n] == SETTLING || state[n] == LAST || state[n] == LOOKED || state[n] == ASLEEP)
#define is_undisturbed(n) (state[n] == ASLEEP && !rung[n] && !is_lost[n])
#define is_still(n) (is_undisturbed(n) || state[n] == DEAD)
#define is_visible (SOME_JOB(READY) || SOME_JOB(HELD))
#define is_forgotten (SOME_JOB(READY) && SOME(is_undisturbed))

inline ring_all()
{
    n = 0;
    do
    :: n < NODES ->
        rung[n] = rung[n] || (state[n] != DEAD && !is_lost[n]);
        n++
    :: else -> break
    od;
    n = 0
}

inline insert()
{
    atomic {
        begun == me;                                        /* they are all alike: xids in the order of their numbers lose nothing */
        begun++;
        open = open | BIT(me)
    }
}

inline test_key()
{
    atomic {
#ifdef M_SHARED_TEST
        wants_ring = false
#else
        if
        :: tester == NOBODY && !SOME(is_keeping) ->
            tester = me
        :: else ->
            promise(calm, SOME(is_idle) || tester != NOBODY);
            wants_ring = true
        fi
#endif
    }
    atomic {
        if
        :: tester == me -> tester = NOBODY
        :: else
        fi
    }
}

proctype producer(byte me)
{
    bit wants_ring;
    byte n;

#ifdef M_TEST_FIRST
    test_key();
    insert();
#else
    insert();
    test_key();
#endif
    atomic {
        open = open & ~BIT(me);
        passed = (passed | (BIT(me) - 1)) & open;
        if
        :: job[me] = READY;
            if
            :: wants_ring -> ring_all()
            :: else
            fi
        :: true                                             /* rolled back: no row, no ring */
        fi;
        wants_ring = false;
        finished++
    }
}

/* Locks one ready row, or comes back short. */
inline look()
{
    j = 0;
    do
    :: j < PRODUCERS && job[j] != READY -> j++
    :: else -> break
    od;
    if
    :: j < PRODUCERS ->
        job[j] = HELD;
        claimed[me] = j
    :: else
    fi;
    j = 0
}

#define HAS_CLAIMED (claimed[me] != NOBODY)

inline wake()
{
#ifndef M_KEEPS_KEY
    has_key[me] = false;
#endif
    horizon[me] = 0;
    state[me] = AWAKE
}

inline read_horizon()
{
#ifdef M_XMAX_HORIZON
    horizon[me] = open & passed;                            /* pg_snapshot_xmax: an xid above the newest completed one is not below it */
#else
    horizon[me] = open;                                     /* an xid of its own: all that were given before are below it, … */
    passed = open;                                          /* … and it completes at once */
#endif
}

inline release_claim()
{
    if
    :: HAS_CLAIMED -> job[claimed[me]] = READY; claimed[me] = NOBODY
    :: else
    fi
}

/* One step of a node is one turn of this loop. */
proctype node(byte me)
{
    byte j;

end:
    do
    /* A claim commits; then the next. */
    :: atomic { state[me] != DEAD && HAS_CLAIMED ->
        job[claimed[me]] = NONE;
        claimed[me] = NOBODY
       }

    /* Each look answers all rings before it. */
    :: atomic { (state[me] == AWAKE || state[me] == LINGER) && !HAS_CLAIMED ->
        rung[me] = false;
        look();
        if
        :: HAS_CLAIMED -> state[me] = AWAKE
        :: else ->
            if
            :: state[me] == AWAKE -> state[me] = LINGER
            :: else ->
#ifdef M_HORIZON_FIRST
                read_horizon();
#endif
                state[me] = GOING
            fi
        fi
       }

    :: atomic { state[me] == GOING && !is_lost[me] ->
        if
        :: rung[me] -> wake()
#ifdef M_TRY_IS_TAKEN
        :: !rung[me] -> has_key[me] = (tester == NOBODY); state[me] = LOCKED
#else
        :: !rung[me] && tester == NOBODY -> has_key[me] = true; state[me] = LOCKED
        :: !rung[me] && tester != NOBODY -> state[me] = LINGER
#endif
        fi
       }

    :: atomic { state[me] == LOCKED && !is_lost[me] ->
#ifndef M_HORIZON_FIRST
        read_horizon();
#endif
        state[me] = SETTLING
       }

    /* Asks: is the horizon outlasted, and is no ready row to be seen, locked by another or not? Only then the next look is the last. */
    :: atomic { state[me] == SETTLING && !HAS_CLAIMED && !is_lost[me] ->
        if
        :: rung[me] -> wake()
        :: else ->
#if defined(M_NO_HORIZON)
            state[me] = LAST
#elif defined(M_LOOK_THEN_SETTLE)
            look();
            if
            :: HAS_CLAIMED -> wake()
            :: else -> state[me] = LAST
            fi
#elif defined(M_SKIPPED_IS_GONE) || defined(M_NO_LOOK)
            if
            :: !(horizon[me] & open) -> state[me] = LAST
            :: else -> look(); if :: HAS_CLAIMED -> wake() :: else fi
            fi
#else
            if
            :: !(horizon[me] & open) && !is_visible -> state[me] = LAST
            :: else -> look(); if :: HAS_CLAIMED -> wake() :: else fi
            fi
#endif
        fi
       }

    :: atomic { state[me] == LAST && !is_lost[me] ->
#if !defined(M_NO_LOOK) && !defined(M_LOOK_THEN_SETTLE)
        look();
#endif
        state[me] = LOOKED
       }

    /* Between the last look and its answer a ring may come: it is for a row that the look did not see. */
    :: atomic { state[me] == LOOKED && !is_lost[me] ->
#ifdef M_RING_IN_LOOK
        rung[me] = false;
#endif
        if
        :: rung[me] || HAS_CLAIMED -> wake()
        :: else ->
#ifdef M_LOOK_THEN_SETTLE
            if
            :: horizon[me] & open -> state[me] = SETTLING
            :: else -> horizon[me] = 0; state[me] = ASLEEP
            fi
#else
            horizon[me] = 0;
            state[me] = ASLEEP
#endif
        fi
       }

    :: atomic { state[me] == ASLEEP && rung[me] && !is_lost[me] -> wake() }

    /* The connection goes, with the key and the rings; the node notices some time later, listens again, and that counts as a ring. */
    :: atomic { state[me] != DEAD && losses > 0 && !is_lost[me] ->
        losses--;
        is_lost[me] = true;
        has_key[me] = false;
        rung[me] = false
       }
    :: atomic { state[me] != DEAD && is_lost[me] ->
        is_lost[me] = false;
#if defined(M_RECONNECT_BELIEVES)
        skip
#elif defined(M_RECONNECT_LOCKS)
        if
        :: state[me] == ASLEEP && tester == NOBODY -> has_key[me] = true
        :: else -> wake()
        fi
#else
        wake()
#endif
       }

    :: atomic { state[me] != DEAD && crashes > 0 ->
        crashes--;
        release_claim();
        has_key[me] = false;
        rung[me] = false;
        is_lost[me] = false;
        horizon[me] = 0;
        state[me] = DEAD
       }
    :: atomic { state[me] == DEAD -> state[me] = AWAKE }
    od
}

proctype watch()
{
end:
    atomic {
        finished == PRODUCERS && EVERY(is_still) && SOME_JOB(READY) && SOME(is_undisturbed);
        promise(quiet, false)
    }
}

#ifdef LTL
ltl taken { !<>[] is_forgotten }
#endif

init {
    byte i;
    atomic {
        do
        :: i < NODES -> state[i] = AWAKE; claimed[i] = NOBODY; run node(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < PRODUCERS -> job[i] = NONE; run producer(i); i++
        :: else -> break
        od;
        i = 0;
        run watch()
    }
}
