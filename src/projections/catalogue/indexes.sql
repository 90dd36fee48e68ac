-- Products of a category and of a brand.
create index on products (category);
create index on products (brand);
