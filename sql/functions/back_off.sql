create or replace function orch.back_off(base interval, attempt int, most interval)
returns interval language sql volatile as $$
    select least(base * power(2, least(greatest(attempt, 1), 30) - 1), most) * (0.75 + 0.5 * random())
$$;
comment on function orch.back_off(interval, int, interval) is 'Exponential back-off with a quarter of jitter to either side: base after the first attempt, then doubled, at most "most".';
