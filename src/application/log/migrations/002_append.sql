-- Appends what one batch decided, in one statement of one transaction, and says what stood in the way.
--
-- Touched streams (read or written) come with the version they were decided at and the unit that decided so; a unit
-- one of whose streams has moved on is left out whole, and its number comes back in `conflicts`. When the catalogue has
-- moved on nothing is written and `stale` is true. What lands gets the positions after `head`, in the order given.
--
-- The head's row lock is held from here to the end of the flush: one batch of a bucket at a time is what makes positions
-- dense and visible in order. A batch without events takes no lock and writes nothing; it only asks.
--
-- Plans are pinned to the indexes: one made while the tables were young would read them whole later.
create function laurel.append(
    in _bucket int, in _catalogue bigint,
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
    landed bigint := cardinality(_owners);
    moved bigint;
begin
    if landed = 0 then
        select h.head, h.catalogue into strict head, current_catalogue from laurel.heads h where h.bucket = _bucket;
    else
        select h.head, h.catalogue into strict head, current_catalogue
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
        catalogue = case when true = any (_catalogues) then append.head + landed else h.catalogue end
    where h.bucket = _bucket;
end
$$;
