-- When something was last recorded never goes back: neither where several processes write, nor with a clock that does.
--
-- `recorded_at` is that of the last event, or later: an instant that was asked about is over, and nothing is recorded as
-- of it any more. `stamp` is how an envelope says it, behind its first byte. `began` is the position after which this
-- holds, which is not 0 where a sandbox's clock was first moved to before what had been recorded in real time.
alter table laurel.heads
    add column recorded_at timestamptz,
    add column stamp bytea,
    add column began bigint not null default 0;

drop function laurel.append(
    int, bigint, uuid[], int[], int[], uuid[], text[], int[], int[], bytea[], bool[], int[], uuid[], int[], text[],
    bytea[], bytea[], int[]
);

-- As before, and what was decided before the last event was recorded is recorded as of that one's instant: the envelopes
-- of a batch share their `_stamp`, which is replaced.
create function laurel.append(
    in _bucket int, in _catalogue bigint, in _recorded_at timestamptz, in _stamp bytea,
    in _touched uuid[], in _expected int[], in _touched_units int[],
    in _streams uuid[], in _kinds text[], in _bases int[], in _versions int[], in _states bytea[],
    in _catalogues bool[], in _stream_units int[],
    in _owners uuid[], in _numbers int[], in _tags text[], in _payloads bytea[], in _envelopes bytea[],
    in _event_units int[],
    out head bigint, out stale boolean, out conflicts int[]
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $$
declare
    current_catalogue bigint;
    latest timestamptz;
    latest_stamp bytea;
    landed bigint := cardinality(_owners);
begin
    if landed = 0 then
        select h.head, h.catalogue into strict head, current_catalogue from laurel.heads h where h.bucket = _bucket;
    else
        select h.head, h.catalogue, h.recorded_at, h.stamp into strict head, current_catalogue, latest, latest_stamp
        from laurel.heads h where h.bucket = _bucket for update;
    end if;
    stale := current_catalogue <> _catalogue;
    if stale then
        return;
    end if;

    select array_agg(distinct t.unit) into conflicts
    from unnest(_touched, _expected, _touched_units) t (id, expected, unit)
    left join laurel.streams s on s.id = t.id
    where coalesce(s.version, 0) <> t.expected;

    if conflicts is not null then
        select array_agg(w.id), array_agg(w.kind), array_agg(w.base), array_agg(w.version), array_agg(w.state),
            array_agg(w.catalogue)
        into _streams, _kinds, _bases, _versions, _states, _catalogues
        from unnest(_streams, _kinds, _bases, _versions, _states, _catalogues, _stream_units)
            w (id, kind, base, version, state, catalogue, unit)
        where w.unit <> all (conflicts);

        select array_agg(e.owner order by e.n), array_agg(e.number order by e.n), array_agg(e.tag order by e.n),
            array_agg(e.payload order by e.n), array_agg(e.envelope order by e.n), count(*)
        into _owners, _numbers, _tags, _payloads, _envelopes, landed
        from unnest(_owners, _numbers, _tags, _payloads, _envelopes, _event_units)
            with ordinality e (owner, number, tag, payload, envelope, unit, n)
        where e.unit <> all (conflicts);
    end if;

    if landed = 0 then
        return;
    end if;

    if _recorded_at < latest then
        select array_agg(overlay(e.envelope placing latest_stamp from 2 for length(_stamp)) order by e.n) into _envelopes
        from unnest(_envelopes) with ordinality e (envelope, n);
    else
        latest := _recorded_at;
        latest_stamp := _stamp;
    end if;

    insert into laurel.events (stream, version, bucket, position, tag, payload, envelope)
    select e.owner, e.number, _bucket, head + e.n, e.tag, e.payload, e.envelope
    from unnest(_owners, _numbers, _tags, _payloads, _envelopes)
        with ordinality e (owner, number, tag, payload, envelope, n);

    insert into laurel.streams (id, bucket, kind, version, state, catalogue)
    select w.id, _bucket, w.kind, w.version, w.state, case when w.catalogue then head + landed end
    from unnest(_streams, _kinds, _bases, _versions, _states, _catalogues) w (id, kind, base, version, state, catalogue)
    where w.base = 0;

    update laurel.streams s
    set version = w.version, state = w.state, catalogue = case when w.catalogue then head + landed end
    from unnest(_streams, _bases, _versions, _states, _catalogues) w (id, base, version, state, catalogue)
    where w.base > 0 and s.id = w.id;

    update laurel.heads h
    set head = append.head + landed,
        catalogue = case when true = any (_catalogues) then append.head + landed else h.catalogue end,
        recorded_at = latest,
        stamp = latest_stamp
    where h.bucket = _bucket;
end
$$;
