-- Locks no task: whoever has one may be waiting for these rows.
create or replace function orch.word_cards(ids bigint[])
returns bigint[] language plpgsql as $$
declare
    idle bigint[];
begin
    with worded as (
        update orch.outbox as o set payload = o.payload || jsonb_build_object('text', orch.card_text(t))
          from orch.tasks as t where o.id = any (ids) and o.kind = 'card' and t.id = o.task_id
        returning o.id, o.task_id, md5(o.payload ->> 'text') as digest)
    select array_agg(w.id) into idle
      from worded as w join orch.tracker_messages as m on m.task_id = w.task_id and m.channel = 'telegram' and m.kind = 'card' and m.digest = w.digest;
    update orch.outbox as o set status = 'done', ended_at = now(), locked_until = null where o.id = any (idle);
    if found then
        perform pg_notify('orch_effects', '');
    end if;
    return array(select i from unnest(ids) as i where i <> all (coalesce(idle, '{}')));
end
$$;
comment on function orch.word_cards(bigint[]) is 'Settles what the cards among claimed effects show. Answers which effects are to be delivered: a card that says all that already is done.';
