"""SQLAlchemy: mapped classes with a relationship, queries, and a session that
stays open with loaded and changed objects.

SPDX-License-Identifier: MIT
"""
import sqlalchemy as sa
from sqlalchemy import orm

from rest import rest

Base = orm.declarative_base()


class Shop(Base):
    __tablename__ = "shop"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), index=True)
    items = orm.relationship("Item", back_populates="shop")


class Item(Base):
    __tablename__ = "item"
    id = sa.Column(sa.Integer, primary_key=True)
    title = sa.Column(sa.String(50))
    price = sa.Column(sa.Numeric(8, 2))
    shop_id = sa.Column(sa.ForeignKey("shop.id"))
    shop = orm.relationship(Shop, back_populates="items")


def main():
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    Base.metadata.create_all(engine)
    session = orm.Session(engine)
    for name in ("ann", "bob", "eve"):
        session.add(Shop(name=name, items=[
            Item(title="%s %d" % (name, n), price=n) for n in range(40)]))
    session.commit()
    query = (sa.select(Shop.name, sa.func.sum(Item.price), sa.func.count())
             .join(Item).group_by(Shop.name).order_by(Shop.name))
    rows = session.execute(query).all()
    assert [row[2] for row in rows] == [40, 40, 40]
    shops = session.scalars(
        sa.select(Shop).options(orm.selectinload(Shop.items))).all()
    shops[0].items[3].title = "changed"
    assert session.dirty
    rest()


if __name__ == "__main__":
    main()
